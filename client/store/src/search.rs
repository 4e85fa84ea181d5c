//! Full-text search: what a person types is turned into an FTS5 expression in which nothing of it is syntax.

use crate::Store;
use crate::load::{conversation_id, message};
use crate::write::kind_code;
use flint_core::model::{ConversationId, SearchHit};
use flint_core::secret::Private;
use sqlx::Row;
use std::cmp::Reverse;

/// More terms than this are left out; each costs an index lookup.
const TERMS: usize = 32;
/// Longer terms are cut; the index holds no longer words that people search for.
const TERM_CHARACTERS: usize = 256;

impl Store {
    /// The hits that were stored last, shown newest first. The index is walked from the newest row on and stops at
    /// `limit`, so a common word costs no more than a rare one; rows of a late archive page count as stored late.
    pub(crate) async fn search(
        &self,
        text: &str,
        conversation: Option<&ConversationId>,
        limit: u32,
    ) -> Result<Vec<SearchHit>, sqlx::Error> {
        let Some(expression) = expression(text) else { return Ok(Vec::new()) };
        let rows = sqlx::query(
            "select c.kind, c.jid, m.*, snippet(message_search, 0, char(2), char(3), '…', 16) as snippet
             from message_search join message m on m.id = message_search.rowid
                  join conversation c on c.id = m.conversation
             where message_search match ?1 and (?2 is null or (c.kind = ?2 and c.jid = ?3))
             order by message_search.rowid desc limit ?4",
        )
        .bind(expression)
        .bind(conversation.map(kind_code))
        .bind(conversation.map(|id| id.jid().as_str()))
        .bind(limit.clamp(1, 200))
        .fetch_all(&self.pool)
        .await?;
        let hits = rows.iter().map(|row| {
            let snippet = Private(row.try_get("snippet")?);
            Ok(SearchHit { message: message(row, conversation_id(row)?)?, snippet })
        });
        let mut hits = hits.collect::<Result<Vec<_>, sqlx::Error>>()?;
        hits.sort_by_key(|hit| Reverse((hit.message.at, hit.message.sort)));
        Ok(hits)
    }
}

/// Words become quoted prefix terms, `"…"` a phrase; all must match. `None` when nothing searchable is left.
fn expression(text: &str) -> Option<String> {
    let mut terms = Vec::new();
    // Odd pieces stand between quotation marks; a missing closing mark means "to the end".
    for (index, piece) in text.split('"').enumerate() {
        if index % 2 == 1 {
            terms.push((piece, ""));
        } else {
            terms.extend(piece.split_whitespace().map(|word| (word, "*")));
        }
    }
    let terms = terms.into_iter().filter(|(term, _)| term.chars().any(char::is_alphanumeric)).take(TERMS);
    let quoted = terms.map(|(term, suffix)| {
        let clean: String = term.chars().filter(|c| !c.is_control()).take(TERM_CHARACTERS).collect();
        format!("\"{clean}\"{suffix}")
    });
    let all = quoted.collect::<Vec<_>>().join(" ");
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn nothing_typed_is_syntax() {
        let cases = [
            ("printer jam", Some(r#""printer"* "jam"*"#)),
            (r#"the "paper jam" again"#, Some(r#""the"* "paper jam" "again"*"#)),
            (r#""open end"#, Some(r#""open end""#)),
            ("a OR b AND NOT c NEAR(d)", Some(r#""a"* "OR"* "b"* "AND"* "NOT"* "c"* "NEAR(d)"*"#)),
            ("body:x ^y -z (w)", Some(r#""body:x"* "^y"* "-z"* "(w)"*"#)),
            (r#" * "" " ' -- "#, None),
            ("", None),
        ];
        for (typed, expected) in cases {
            assert_eq!(expression(typed).as_deref(), expected, "{typed}");
        }
    }
}
