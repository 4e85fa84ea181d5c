//! From elements to bytes, within a stream whose default namespace is known.
//!
//! Own, because a stanza must not repeat the stream's namespace, must leave as well-formed XML whatever a person typed
//! (characters that XML can't hold become U+FFFD), and must never panic.

use minidom::{Element, Node};
use rxml::Namespace;

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Appends `element`, as a child of something whose default namespace is `default`.
pub(crate) fn write_element(element: &Element, default: &str, out: &mut Vec<u8>) {
    let namespace = element.ns();
    out.push(b'<');
    out.extend_from_slice(element.name().as_bytes());
    if namespace != default {
        write_attribute("xmlns", &namespace, out);
    }
    for (index, ((attribute_namespace, name), value)) in element.attrs().iter().enumerate() {
        if *attribute_namespace == Namespace::NONE {
            write_attribute(name.as_str(), value, out);
        } else if attribute_namespace.as_str() == XML {
            write_attribute(&format!("xml:{name}"), value, out);
        } else {
            write_attribute(&format!("xmlns:a{index}"), attribute_namespace.as_str(), out);
            write_attribute(&format!("a{index}:{name}"), value, out);
        }
    }
    if element.nodes().next().is_none() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    for node in element.nodes() {
        match node {
            Node::Element(child) => write_element(child, &namespace, out),
            Node::Text(text) => write_text(text, out),
        }
    }
    out.extend_from_slice(b"</");
    out.extend_from_slice(element.name().as_bytes());
    out.push(b'>');
}

/// Appends ` name='value'`.
pub(crate) fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape(value, true, out);
    out.push(b'\'');
}

/// Appends escaped character data.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    escape(text, false, out);
}

fn escape(text: &str, in_attribute: bool, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for c in text.chars() {
        match c {
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '&' => out.extend_from_slice(b"&amp;"),
            '\'' if in_attribute => out.extend_from_slice(b"&apos;"),
            // Kept from the parser's normalization (XML 1.0 §2.11, §3.3.3).
            '\r' => out.extend_from_slice(b"&#xd;"),
            '\n' if in_attribute => out.extend_from_slice(b"&#xa;"),
            '\t' if in_attribute => out.extend_from_slice(b"&#x9;"),
            '\t' | '\n' => out.push(c as u8),
            // XML 1.0 §2.2.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend_from_slice("\u{fffd}".as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(element: &Element, default: &str) -> String {
        let mut out = Vec::new();
        write_element(element, default, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_default_namespace_is_not_repeated() {
        for (xml, default, expected) in [
            ("<iq xmlns='jabber:client' id='1'/>", "jabber:client", "<iq id='1'/>"),
            ("<iq xmlns='jabber:client'/>", "jabber:component:accept", "<iq xmlns='jabber:client'/>"),
            (
                "<message xmlns='jabber:client'><body>a&lt;b</body><x xmlns='urn:x'><y/></x></message>",
                "jabber:client",
                "<message><body>a&lt;b</body><x xmlns='urn:x'><y/></x></message>",
            ),
            ("<a xmlns='u' xml:lang='de'/>", "u", "<a xml:lang='de'/>"),
            ("<a xmlns='u' xmlns:q='urn:q' q:b='1'/>", "u", "<a xmlns:a0='urn:q' a0:b='1'/>"),
        ] {
            assert_eq!(written(&xml.parse().unwrap(), default), expected);
        }
    }

    #[test]
    fn characters_that_xml_can_not_hold_are_replaced() {
        let element = Element::builder("body", "u").append("a\u{0}b\u{b}c\u{ffff}").build();
        assert_eq!(written(&element, "u"), "<body>a\u{fffd}b\u{fffd}c\u{fffd}</body>");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>(), value in any::<String>()) {
            let clean = |text: &str| -> String {
                text.chars().map(|c| if matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }).collect()
            };
            let element = Element::builder("body", "u").attr(rxml::xml_ncname!("v").to_owned(), value.as_str()).append(text.as_str()).build();
            let read: Element = written(&element, "").parse().unwrap();
            prop_assert_eq!(read.text(), clean(&text));
            let value = clean(&value);
            prop_assert_eq!(read.attr("v"), Some(value.as_str()));
        }
    }
}
