//! Canned responses: the administrator's as the protocol has them, and what an agent may store.

use crate::config::MacroGroup;
use crate::journal::Text;
use flint_fastpath_protocol::macros::{self as wire, MacroItem};
use minidom::Element;

/// Longest document of one agent, in bytes.
const MAX_BYTES: usize = 64_000;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 8;

/// The answer with the workgroup's own responses.
pub(crate) fn shared(group: Option<&MacroGroup>) -> Element {
    let empty = MacroGroup { title: "Responses".to_owned(), ..MacroGroup::default() };
    written(group.unwrap_or(&empty), MAX_DEPTH).answer()
}

/// The answer with an agent's own responses.
pub(crate) fn personal(stored: Option<&Text>) -> Element {
    let group = stored.and_then(|text| wire::MacroGroup::parse(&text.0).ok());
    group
        .unwrap_or_else(|| wire::MacroGroup { title: "Personal".to_owned(), ..wire::MacroGroup::default() })
        .answer()
}

fn written(group: &MacroGroup, depth: usize) -> wire::MacroGroup {
    let item = |entry: &crate::config::Macro| MacroItem {
        title: entry.title.clone(),
        response: entry.response.clone(),
        ..MacroItem::default()
    };
    let groups = group.groups.iter().filter(|_| depth > 0).map(|inner| written(inner, depth - 1));
    wire::MacroGroup {
        title: group.title.clone(),
        macros: group.macros.iter().map(item).collect(),
        groups: groups.collect(),
    }
}

/// What an agent wants to store, in our own words: `None` when it is too long, too deep or can't be read.
pub(crate) fn accept(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES || depth(text) > 4 * MAX_DEPTH {
        return None;
    }
    wire::MacroGroup::parse(text).ok().map(|group| group.document())
}

/// An upper bound of the nesting, without building anything: this document is inside a text, where the stream's guard
/// doesn't see it, and a deeply nested one overflows a parser's stack.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_stores_is_read_with_indulgence_but_not_blindly() {
        let stored = accept("<x>\n<macrogroup><title>R&D</title></macrogroup></x>").unwrap();
        assert!(stored.contains("<title>R&amp;D</title>"), "{stored}");
        assert_eq!(accept(&stored).as_ref(), Some(&stored));
        for text in ["", "<macrogroup>", "<other/>"] {
            assert_eq!(accept(text), None, "{text}");
        }
        let deep = format!("<macrogroup>{}{}</macrogroup>", "<a>".repeat(10_000), "</a>".repeat(10_000));
        assert_eq!(accept(&deep), None);
        assert_eq!(accept(&"x".repeat(MAX_BYTES + 1)), None);
    }
}
