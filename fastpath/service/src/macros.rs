//! Canned responses: the administrator's as the protocol has them, and what an agent may store.

use crate::config::MacroGroup;
use crate::journal::Text;
use flint_fastpath_protocol::limits;
use flint_fastpath_protocol::macros::{self as wire, MacroItem};
use minidom::Element;

/// Longest document of one agent, in bytes.
const MAX_BYTES: usize = 64_000;

/// The answer with the workgroup's own responses.
pub(crate) fn shared(group: Option<&MacroGroup>) -> Element {
    let empty = MacroGroup { title: "Responses".to_owned(), ..MacroGroup::default() };
    written(group.unwrap_or(&empty), limits::MACRO_DEPTH).answer()
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
    if text.len() > MAX_BYTES {
        return None;
    }
    wire::MacroGroup::parse(text).ok().map(|group| group.document())
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
