//! Small readers and writers that every payload shares.

use crate::error::Malformed;
use crate::text::clean;
use crate::{JWG, WG, limits};
use jid::{BareJid, Jid};
use minidom::Element;

/// An attribute's name, checked at compile time.
macro_rules! name {
    ($name:literal) => {
        rxml::xml_ncname!($name).to_owned()
    };
}
pub(crate) use name;

/// Is it this element, in either namespace?
pub(crate) fn is(element: &Element, name: &str) -> bool {
    element.name() == name && ours(element)
}

fn ours(element: &Element) -> bool {
    let ns = element.ns();
    ns == WG || ns == JWG
}

/// Refuses any other element.
pub(crate) fn expect(element: &Element, name: &'static str) -> Result<(), Malformed> {
    if is(element, name) { Ok(()) } else { Err(Malformed::Other(name)) }
}

/// First child of this name in either namespace.
pub(crate) fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children().find(|child| is(child, name))
}

/// Children of this name in either namespace, refused when there are more than `most`.
pub(crate) fn children<'a>(
    element: &'a Element,
    name: &'static str,
    most: usize,
) -> Result<Vec<&'a Element>, Malformed> {
    let found: Vec<&Element> = element.children().filter(|child| is(child, name)).take(most + 1).collect();
    if found.len() > most { Err(Malformed::TooMany(name)) } else { Ok(found) }
}

/// Text of an element, trimmed.
pub(crate) fn text(element: &Element, what: &'static str, cap: usize) -> Result<String, Malformed> {
    let text = element.text();
    if text.len() > cap { Err(Malformed::TooLong(what)) } else { Ok(text.trim().to_owned()) }
}

/// Text of a child, if it is there.
pub(crate) fn child_text(
    element: &Element,
    name: &'static str,
    cap: usize,
) -> Result<Option<String>, Malformed> {
    child(element, name).map(|child| text(child, name, cap)).transpose()
}

/// Text of a child that has to be there and not be empty.
pub(crate) fn need_text(element: &Element, name: &'static str, cap: usize) -> Result<String, Malformed> {
    child_text(element, name, cap)?.filter(|text| !text.is_empty()).ok_or(Malformed::Missing(name))
}

/// An attribute, if it is there and not empty.
pub(crate) fn attr(element: &Element, name: &'static str, cap: usize) -> Result<Option<String>, Malformed> {
    match element.attr(name).map(str::trim) {
        Some(value) if value.len() > cap => Err(Malformed::TooLong(name)),
        Some("") | None => Ok(None),
        Some(value) => Ok(Some(value.to_owned())),
    }
}

/// An attribute that has to be there and not be empty.
pub(crate) fn need_attr(element: &Element, name: &'static str, cap: usize) -> Result<String, Malformed> {
    attr(element, name, cap)?.ok_or(Malformed::Missing(name))
}

/// A JID in an attribute, if there is one.
pub(crate) fn jid_attr(element: &Element, name: &'static str) -> Result<Option<Jid>, Malformed> {
    attr(element, name, limits::JID)?.map(|value| jid(&value, name)).transpose()
}

/// Reads a JID.
pub(crate) fn jid(value: &str, what: &'static str) -> Result<Jid, Malformed> {
    Jid::new(value).map_err(|_| Malformed::BadValue(what))
}

/// A bare JID in an attribute (a resource is dropped), if there is one.
pub(crate) fn bare_attr(element: &Element, name: &'static str) -> Result<Option<BareJid>, Malformed> {
    Ok(jid_attr(element, name)?.map(Jid::into_bare))
}

/// Reads a number.
pub(crate) fn number<T: std::str::FromStr>(value: &str, what: &'static str) -> Result<T, Malformed> {
    value.parse().map_err(|_| Malformed::BadValue(what))
}

/// An element that holds only text.
pub(crate) fn leaf(name: &str, ns: &str, text: &str) -> Element {
    Element::builder(name, ns).append(clean(text)).build()
}

/// An element without anything in it.
pub(crate) fn empty(name: &str, ns: &str) -> Element {
    Element::builder(name, ns).build()
}
