//! Canned responses, a document inside an element's text.

use crate::element::{child_text, expect, leaf};
use crate::error::Malformed;
use crate::text::{Hidden, clean};
use crate::{JWG, limits};
use minidom::Element;
use rxml::{RawEvent, RawReader};

/// Namespace that the inner document gets for reading; on the wire it has none.
const INNER: &str = "urn:flint:macros";

/// Deepest nesting of the inner document: a group within a group takes two levels, and Spark adds some around.
const DEPTH: usize = 4 * limits::MACRO_DEPTH;
/// Longest reference to a character, without `&`.
const REFERENCE: usize = 10;

/// One canned response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MacroItem {
    /// Title.
    pub title: String,
    /// 0 text, 1 address, 2 picture.
    pub kind: u8,
    /// Description, may be empty.
    pub description: String,
    /// The response.
    pub response: String,
}

/// A group of canned responses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MacroGroup {
    /// Title.
    pub title: String,
    /// Responses.
    pub macros: Vec<MacroItem>,
    /// Groups inside.
    pub groups: Vec<MacroGroup>,
}

/// `<macros/>` as a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacrosRequest {
    /// The agent's own, or the workgroup's.
    pub personal: bool,
    /// The document to store, as it came; see [`MacroGroup::parse`].
    pub document: Option<Hidden>,
}

impl MacrosRequest {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "macros")?;
        let personal =
            child_text(element, "personal", 16)?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let document = child_text(element, "personalMacro", limits::LONG)?.filter(|text| !text.is_empty());
        Ok(Self { personal, document: document.map(Hidden) })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("macros", JWG)
            .append_all(self.personal.then(|| leaf("personal", JWG, "true")))
            .append_all(self.document.as_ref().map(|document| leaf("personalMacro", JWG, &document.0)))
            .build()
    }
}

impl MacroGroup {
    /// The answer. The root group stands one level deeper than Openfire puts it, with line breaks around: Spark reads
    /// only that.
    pub fn answer(&self) -> Element {
        let document = format!("<x>\n{}\n</x>", self.document());
        Element::builder("macros", JWG).append(leaf("model", JWG, &document)).build()
    }

    /// Reads the answer.
    pub fn read_answer(element: &Element) -> Result<Self, Malformed> {
        expect(element, "macros")?;
        Self::parse(&child_text(element, "model", limits::LONG)?.ok_or(Malformed::Missing("model"))?)
    }

    /// The document.
    pub fn document(&self) -> String {
        let mut out = String::new();
        write_group(self, &mut out);
        out
    }

    /// Reads a document: with or without the level around it, with Java class names as element names, with
    /// unescaped `&` (Spark does not escape).
    pub fn parse(document: &str) -> Result<Self, Malformed> {
        if document.len() > limits::LONG {
            return Err(Malformed::TooLong("model"));
        }
        let wrapped = format!("<r xmlns='{INNER}'>{}</r>", escape_stray(&clean(document)));
        check_depth(&wrapped)?;
        let root: Element = wrapped.parse().map_err(|_| Malformed::BadValue("model"))?;
        let group = find_group(&root, 0).ok_or(Malformed::Missing("macrogroup"))?;
        let mut left = limits::MACROS;
        read_group(group, 0, &mut left)
    }
}

/// This document is inside a text, where the stream's guard doesn't see it; a tree that is too deep would overflow the
/// stack. So it is read once without building anything.
fn check_depth(document: &str) -> Result<(), Malformed> {
    let mut reader = RawReader::new(document.as_bytes());
    let mut depth = 0_usize;
    while let Some(event) = reader.read().map_err(|_| Malformed::BadValue("model"))? {
        match event {
            RawEvent::ElementHeadOpen(..) => depth += 1,
            RawEvent::ElementFoot(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(Malformed::TooMany("level"));
        }
    }
    Ok(())
}

/// The element's name, or the last part of a Java class name.
fn short(element: &Element) -> String {
    element.name().rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

fn find_group(element: &Element, depth: usize) -> Option<&Element> {
    if short(element) == "macrogroup" {
        return Some(element);
    }
    if depth > 3 {
        return None;
    }
    element.children().find_map(|child| find_group(child, depth + 1))
}

fn field(element: &Element, name: &'static str, cap: usize) -> Result<String, Malformed> {
    match element.children().find(|child| short(child) == name) {
        Some(child) => crate::element::text(child, name, cap),
        None => Ok(String::new()),
    }
}

fn read_group(element: &Element, depth: usize, left: &mut usize) -> Result<MacroGroup, Malformed> {
    if depth > limits::MACRO_DEPTH || *left == 0 {
        return Err(Malformed::TooMany("macrogroup"));
    }
    *left -= 1;
    let mut group = MacroGroup { title: field(element, "title", limits::NAME)?, ..MacroGroup::default() };
    for list in element.children() {
        for child in list.children() {
            match (short(list).as_str(), short(child).as_str()) {
                ("macros", "macro") => {
                    if *left == 0 {
                        return Err(Malformed::TooMany("macro"));
                    }
                    *left -= 1;
                    group.macros.push(MacroItem {
                        title: field(child, "title", limits::NAME)?,
                        kind: field(child, "type", 16)?.parse().unwrap_or(0),
                        description: field(child, "description", limits::TEXT)?,
                        response: field(child, "response", limits::TEXT)?,
                    });
                }
                ("macrogroups", "macrogroup") => group.groups.push(read_group(child, depth + 1, left)?),
                _ => {}
            }
        }
    }
    Ok(group)
}

fn write_group(group: &MacroGroup, out: &mut String) {
    out.push_str("<macrogroup><title>");
    escape(&group.title, out);
    out.push_str("</title><macros>");
    for item in &group.macros {
        out.push_str("<macro><title>");
        escape(&item.title, out);
        out.push_str("</title><type>");
        out.push_str(&item.kind.to_string());
        out.push_str("</type><description>");
        escape(&item.description, out);
        out.push_str("</description><response>");
        escape(&item.response, out);
        out.push_str("</response></macro>");
    }
    out.push_str("</macros><macroGroups>");
    for inner in &group.groups {
        write_group(inner, out);
    }
    out.push_str("</macroGroups></macrogroup>");
}

fn escape(text: &str, out: &mut String) {
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(c),
        }
    }
}

/// Escapes each `&` that begins none of the five entities of XML and no character reference.
fn escape_stray(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(place) = rest.find('&') {
        out.push_str(&rest[..place]);
        let tail = &rest[place + 1..];
        // No further than a reference can be long: a document of nothing but `&` would cost the square of its length.
        let head = &tail[..tail.floor_char_boundary(REFERENCE)];
        let name = head.split_once(';').map_or("", |(name, _)| name);
        let known = matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
            || (name.starts_with('#')
                && name.len() <= 8
                && name[1..].bytes().all(|b| b.is_ascii_hexdigit() || b == b'x'));
        out.push_str(if known { "&" } else { "&amp;" });
        rest = tail;
    }
    out.push_str(rest);
    out
}
