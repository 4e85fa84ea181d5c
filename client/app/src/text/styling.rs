//! Message styling (XEP-0393) and links as Pango markup, made only from escaped text.
//!
//! Nothing of the text is hidden: styling marks stay, paler, and a link reads exactly as the address it opens.

use gtk::glib;
use std::fmt::Write;
use std::ops::Range;

/// Spans and links of one message; what comes after them stays plain. Pango's work grows with them.
const MARKS: usize = 200;
/// Longest address that becomes a link. `text::body` breaks words with an address only after more than this, so the
/// first piece of a broken one is never a link.
const ADDRESS: usize = 1_700;
/// Paler than the text, still readable.
const PALE: &str = "<span alpha=\"55%\">";

/// A message's text as markup for a label. `text` has passed [`super::body`].
pub(crate) fn styled(text: &str) -> String {
    let mut writer = Writer { markup: String::with_capacity(text.len() + 64), left: MARKS };
    let mut in_block = false;
    for whole in text.split_inclusive('\n') {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        match (in_block, line.starts_with("```")) {
            (false, true) => {
                in_block = true;
                writer.mark(line);
            }
            (true, true) if line == "```" => {
                in_block = false;
                writer.mark(line);
            }
            (true, _) => {
                writer.markup.push_str("<tt>");
                writer.text(line);
                writer.markup.push_str("</tt>");
            }
            (false, false) => writer.spans(line, &addresses(line)),
        }
        writer.markup.push_str(&whole[line.len()..]);
    }
    writer.markup
}

/// Where the first link of [`styled`]'s markup begins, in characters of the text.
pub(crate) fn first_link(markup: &str) -> Option<i32> {
    // A `<` of the message itself is escaped, so this tag can only be ours.
    let (before, _) = markup.split_once("<a href=")?;
    let (mut count, mut in_tag, mut in_entity) = (0, false, false);
    for character in before.chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if in_tag => {}
            ';' if in_entity => in_entity = false,
            _ if in_entity => {}
            character => {
                in_entity = character == '&';
                count += 1;
            }
        }
    }
    Some(count)
}

struct Writer {
    markup: String,
    left: usize,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.markup.push_str(&glib::markup_escape_text(text));
    }

    fn mark(&mut self, mark: &str) {
        self.markup.push_str(PALE);
        self.text(mark);
        self.markup.push_str("</span>");
    }

    fn link(&mut self, address: &str) {
        let escaped = glib::markup_escape_text(address);
        // Writing into a string can't fail.
        let _ = write!(self.markup, "<a href=\"{escaped}\">{escaped}</a>");
    }

    /// One line, or what stands inside a span of it. `links` are places within `line`.
    fn spans(&mut self, line: &str, links: &[Range<usize>]) {
        let mut plain = 0;
        let mut at = 0;
        // A mark whose end was not found from here is not found from further on either.
        let mut unclosed = String::new();
        while let Some(character) = line[at..].chars().next() {
            let after = at + character.len_utf8();
            if let Some(link) = links.iter().find(|link| link.start == at).filter(|_| self.left > 0) {
                self.left -= 1;
                self.text(&line[plain..at]);
                self.link(&line[link.clone()]);
                (plain, at) = (link.end, link.end);
                continue;
            }
            let tag = tag(character).filter(|_| self.left > 0 && !unclosed.contains(character));
            if let Some(tag) = tag.filter(|_| opens(line, at)) {
                match closing(line, after, character, links) {
                    Some(end) => {
                        self.left -= 1;
                        self.text(&line[plain..at]);
                        self.mark(&line[at..after]);
                        let _ = write!(self.markup, "<{tag}>");
                        if character == '`' {
                            self.text(&line[after..end]);
                        } else {
                            let inside = links.iter().filter(|link| link.start >= after && link.end <= end);
                            let inside: Vec<_> =
                                inside.map(|link| link.start - after..link.end - after).collect();
                            self.spans(&line[after..end], &inside);
                        }
                        let _ = write!(self.markup, "</{tag}>");
                        self.mark(&line[end..=end]);
                        (plain, at) = (end + 1, end + 1);
                        continue;
                    }
                    None => unclosed.push(character),
                }
            }
            at = after;
        }
        self.text(&line[plain..]);
    }
}

/// Pango's tag for a styling mark (XEP-0393 §5.2).
fn tag(mark: char) -> Option<&'static str> {
    match mark {
        '*' => Some("b"),
        '_' => Some("i"),
        '~' => Some("s"),
        '`' => Some("tt"),
        _ => None,
    }
}

/// XEP-0393 §5.1: a mark opens at the start, after white space or after another opening mark, and never before
/// white space. Marks inside a span are looked at from its start, so the third case is the first one.
fn opens(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    let after = line[at + 1..].chars().next();
    before.is_none_or(char::is_whitespace) && after.is_some_and(|after| !after.is_whitespace())
}

/// Where the span that begins at `from` ends: the first such mark that is not after white space, not at once, and
/// not part of an address.
fn closing(line: &str, from: usize, mark: char, links: &[Range<usize>]) -> Option<usize> {
    line[from..].match_indices(mark).map(|(offset, _)| from + offset).find(|end| {
        *end > from
            && !line[..*end].ends_with(char::is_whitespace)
            && !links.iter().any(|link| link.contains(end))
    })
}

/// Web addresses of a line, in order: `http` and `https` only, with a plain ASCII host and without a user name, since
/// both serve to look like another site.
fn addresses(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while found.len() < MARKS
        && let Some(start) = line[from..].find("http").map(|offset| from + offset)
    {
        from = start + 4;
        let begins = !line[..start].ends_with(|before: char| before.is_alphanumeric());
        if let Some(end) = begins.then(|| address_end(line, start)).flatten() {
            found.push(start..end);
            from = end;
        }
    }
    found
}

fn address_end(line: &str, start: usize) -> Option<usize> {
    let address = &line[start..];
    let scheme = ["https://", "http://"].into_iter().find(|scheme| address.starts_with(scheme))?;
    let stops = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || super::is_bidi_control(c)
            || super::is_invisible(c)
            || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '\u{FFFD}' | '…')
    };
    let mut address = &address[..address.find(stops).unwrap_or(address.len())];
    // Punctuation at the end belongs to the sentence, a bracket to whoever opened it.
    while let Some(last) = address.chars().next_back() {
        let opener = match last {
            ')' => Some('('),
            ']' => Some('['),
            _ => None,
        };
        let balanced =
            opener.is_some_and(|opener| address.matches(opener).count() >= address.matches(last).count());
        let trailing = matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~');
        if !trailing && (opener.is_none() || balanced) {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    let rest = &address[scheme.len().min(address.len())..];
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    (is_host && address.len() <= ADDRESS).then_some(start + address.len())
}

#[cfg(test)]
mod tests;
