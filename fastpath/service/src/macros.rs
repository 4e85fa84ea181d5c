//! Canned responses, in the one shape that a real Spark reads.
//!
//! Spark's parser is on the first element already when it begins to look for groups, so the root group has to be one
//! level deeper than Openfire writes it, with line breaks between the elements (`live/SPARK.md`, rule 8).

use crate::config::MacroGroup;
use crate::journal::Text;
use crate::xml::{El, JWG, el, leaf};
use minidom::Element;
use std::fmt::Write;

/// Longest document of one agent, in bytes.
const MAX_BYTES: usize = 64_000;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 8;

/// The answer with the workgroup's own responses.
pub(crate) fn shared(group: Option<&MacroGroup>) -> El {
    let empty = MacroGroup { title: "Responses".to_owned(), ..MacroGroup::default() };
    let mut text = String::new();
    write_group(group.unwrap_or(&empty), MAX_DEPTH, &mut text);
    model(&text)
}

/// The answer with an agent's own responses.
pub(crate) fn personal(stored: Option<&Text>) -> El {
    match stored {
        Some(text) => model(&text.0),
        None => {
            let mut text = String::new();
            write_group(
                &MacroGroup { title: "Personal".to_owned(), ..MacroGroup::default() },
                MAX_DEPTH,
                &mut text,
            );
            model(&text)
        }
    }
}

fn model(group: &str) -> El {
    el("macros", JWG).child(leaf("model", JWG, format!("<x>\n{group}\n</x>")))
}

/// What an agent wants to store: `None` when it is too long or can't be read. Spark doesn't escape `&`, so single ones
/// are taken as they are meant. An `x` around the group, which is ours, is taken off.
pub(crate) fn accept(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES || depth(text) > 4 * MAX_DEPTH {
        return None;
    }
    let text = escape_stray(text.trim());
    let inner = text
        .strip_prefix("<x>")
        .and_then(|rest| rest.strip_suffix("</x>"))
        .map_or(text.as_str(), str::trim)
        .to_owned();
    // Only to see that it is well-formed; the namespace is nobody's.
    let wrapped = format!("<x xmlns='urn:flint:check'>{inner}</x>");
    let root: Element = wrapped.parse().ok()?;
    let mut children = root.children();
    let group = children.next()?;
    let fits = group.name() == "macrogroup" || group.name().rsplit('.').next() == Some("MacroGroup");
    (fits && children.next().is_none()).then_some(inner)
}

/// An upper bound of the nesting, without building anything: a deeply nested document overflows a parser's stack.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, _) in text.match_indices('<') {
        if text[at..].starts_with("</") {
            depth = depth.saturating_sub(1);
        } else {
            let tag = text[at..].find('>').map_or(&text[at..], |end| &text[at..at + end]);
            if !tag.ends_with('/') {
                depth += 1;
                deepest = deepest.max(depth);
            }
        }
    }
    deepest
}

fn escape_stray(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest[1..].split(';').next().is_some_and(|name| {
            rest.len() > name.len() + 1
                && (matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
                    || name.strip_prefix('#').is_some_and(|code| {
                        !code.is_empty()
                            && code.len() <= 7
                            && code.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'x')
                    }))
        });
        out.push_str(if entity { "&" } else { "&amp;" });
        rest = &rest[1..];
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn write_group(group: &MacroGroup, depth: usize, out: &mut String) {
    let _ = writeln!(out, "<macrogroup>\n<title>{}</title>\n<macros>", escape(&group.title));
    for entry in &group.macros {
        let (title, response) = (escape(&entry.title), escape(&entry.response));
        let _ = writeln!(
            out,
            "<macro>\n<title>{title}</title>\n<type>0</type>\n<description></description>\n<response>{response}</response>\n</macro>"
        );
    }
    out.push_str("</macros>\n<macroGroups>\n");
    if depth > 0 {
        for inner in &group.groups {
            write_group(inner, depth - 1, out);
            out.push('\n');
        }
    }
    out.push_str("</macroGroups>\n</macrogroup>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Macro;

    #[test]
    fn the_root_group_is_one_level_deeper_with_line_breaks() {
        let group = MacroGroup {
            title: "Team".to_owned(),
            macros: vec![Macro { title: "Hi".to_owned(), response: "R&D <b>".to_owned() }],
            groups: vec![MacroGroup { title: "Links".to_owned(), ..MacroGroup::default() }],
        };
        let element = shared(Some(&group)).build();
        let text = element.get_child("model", JWG).unwrap().text();
        assert!(text.starts_with("<x>\n<macrogroup>\n<title>Team</title>\n<macros>\n<macro>\n"), "{text}");
        assert!(
            text.contains("<response>R&amp;D &lt;b&gt;</response>") && text.ends_with("</macrogroup>\n</x>")
        );
        let inner = text.strip_prefix("<x>\n").unwrap().strip_suffix("\n</x>").unwrap();
        assert_eq!(accept(&text).as_deref(), Some(inner));
    }

    #[test]
    fn what_an_agent_stores_is_read_with_indulgence_but_not_blindly() {
        let table = [
            (
                "<macrogroup><title>R&D</title></macrogroup>",
                Some("<macrogroup><title>R&amp;D</title></macrogroup>"),
            ),
            (
                "<macrogroup><title>&lt;&#65;</title></macrogroup>",
                Some("<macrogroup><title>&lt;&#65;</title></macrogroup>"),
            ),
            ("<macrogroup>", None),
            ("", None),
            ("<other/>", None),
            ("<macrogroup/><macrogroup/>", None),
        ];
        for (text, expected) in table {
            assert_eq!(accept(text).as_deref(), expected, "{text}");
        }
        let deep = format!("<macrogroup>{}{}</macrogroup>", "<a>".repeat(10_000), "</a>".repeat(10_000));
        assert_eq!(accept(&deep), None);
    }
}
