//! Makes text from strangers fit for labels: no control characters, no bidirectional tricks, bounded length.
//!
//! Only [`styled`] makes markup, from escaped text; these functions care for what plain text can still do (UAX #9,
//! UTR #36 §3).

mod styling;

pub(crate) use styling::{first_link, styled};

/// Characters of a message shown before "Show all" is offered: one Pango paragraph of 64 KiB takes long to lay out.
pub(crate) const BODY_SHOWN: usize = 4_000;
/// Longest word and longest paragraph laid out in one piece: Pango's time to break lines grows with the square of
/// both, and 64 KiB without a space would stop the window for minutes.
const WORD: usize = 200;
const PARAGRAPH: usize = 2_000;
/// What makes a word that may be as long as a paragraph: a web address is useless in pieces.
const ADDRESSES: [&str; 2] = ["http://", "https://"];
/// First-strong isolate and its end (UAX #9 §2.4): the direction of what is inside can't reach what is outside.
const ISOLATE: char = '\u{2068}';
const ISOLATE_END: char = '\u{2069}';

/// Explicit bidirectional formatting, which one-line text never needs.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Invisible characters that only serve to make two names look alike.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}' | '\u{FFF9}'..='\u{FFFB}')
        || ('\u{E0000}'..='\u{E007F}').contains(&character)
}

/// A name, title or preview: one line, at most `limit` characters, without control and formatting characters.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut count = 0;
    let mut space = true;
    for character in text.chars() {
        let character = match character {
            c if c.is_whitespace() => ' ',
            '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() || is_bidi_control(c) || is_invisible(c) => continue,
            c => c,
        };
        if character == ' ' && space {
            continue;
        }
        space = character == ' ';
        if count == limit {
            line.push('…');
            return line;
        }
        line.push(character);
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// [`one_line`] inside an isolate, for joining with other text.
pub(crate) fn isolated(text: &str, limit: usize) -> String {
    format!("{ISOLATE}{}{ISOLATE_END}", one_line(text, limit))
}

/// The text of a message: lines kept, control characters gone, direction overrides made visible (U+FFFD), open
/// embeddings closed at the end of each line. At most `limit` characters; true when something was left out.
pub(crate) fn body(text: &str, limit: usize) -> (String, bool) {
    let mut shown = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut open: Vec<char> = Vec::new();
    let mut cut = false;
    let (mut word, mut longest, mut paragraph) = (0, WORD, 0);
    for (count, (at, character)) in text.char_indices().enumerate() {
        if count == limit {
            cut = true;
            break;
        }
        let is_space = character.is_whitespace();
        word = if is_space { 0 } else { word + 1 };
        paragraph = if character == '\n' { 0 } else { paragraph + 1 };
        if word <= 1 {
            longest = WORD;
        }
        if ADDRESSES.iter().any(|address| text[at..].starts_with(address)) {
            longest = PARAGRAPH;
        }
        if word > longest || (is_space && paragraph > PARAGRAPH) {
            (word, longest, paragraph) = (1, WORD, 1);
            shown.extend(open.drain(..).rev());
            shown.push('\n');
        }
        match character {
            '\n' | '\u{2028}' | '\u{2029}' => {
                shown.extend(open.drain(..).rev());
                shown.push('\n');
            }
            '\t' => shown.push('\t'),
            '\u{202D}' | '\u{202E}' => shown.push('\u{FFFD}'),
            '\u{202A}' | '\u{202B}' => {
                open.push('\u{202C}');
                shown.push(character);
            }
            '\u{2066}'..='\u{2068}' => {
                open.push(ISOLATE_END);
                shown.push(character);
            }
            '\u{202C}' | ISOLATE_END => {
                if open.last() == Some(&character) {
                    open.pop();
                    shown.push(character);
                }
            }
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    shown.extend(open.drain(..).rev());
    if cut {
        shown.push('…');
    }
    (shown, cut)
}

/// Escapes text for the few places of libadwaita that insist on markup (status page, toast).
pub(crate) fn escaped(text: &str) -> String {
    // Quotes stay as they are: a status page names itself to assistive technology with the text as given.
    text.replace('\0', "").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Lower-cased text for comparing with what somebody types.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_harmless_line() {
        for (given, limit, expected) in [
            ("Bob Stone", 80, "Bob Stone"),
            ("  Bob\n\tStone  ", 80, "Bob Stone"),
            ("Bob\u{202E}enotS", 80, "BobenotS"),
            ("a\u{200B}d\u{0}m\u{1b}in", 80, "admin"),
            ("<b>Bob</b> & co", 80, "<b>Bob</b> & co"),
            ("abcdef", 3, "abc…"),
            ("abc", 3, "abc"),
            ("", 3, ""),
        ] {
            assert_eq!(one_line(given, limit), expected, "{given:?}");
        }
    }

    #[test]
    fn bodies_keep_lines_and_contain_direction() {
        for (given, limit, expected, cut) in [
            ("one\ntwo", 99, "one\ntwo", false),
            ("a\u{202E}b", 99, "a\u{FFFD}b", false),
            ("a\u{202B}b\nc", 99, "a\u{202B}b\u{202C}\nc", false),
            ("\u{2067}x", 99, "\u{2067}x\u{2069}", false),
            ("stray\u{2069}\u{202C}", 99, "stray", false),
            ("bell\u{7}\r\n", 99, "bell\n", false),
            ("12345", 3, "123…", true),
        ] {
            assert_eq!(body(given, limit), (expected.to_owned(), cut), "{given:?}");
        }
    }

    #[test]
    fn a_long_address_stays_whole() {
        let address = format!("https://example.test/{}", "a".repeat(1_000));
        assert_eq!(body(&address, BODY_SHOWN), (address.clone(), false));
    }

    #[test]
    fn a_huge_line_is_cut() {
        let (shown, cut) = body(&"x".repeat(65_536), BODY_SHOWN);
        assert!(cut);
        assert_eq!(shown.chars().filter(|shown| *shown == 'x').count(), BODY_SHOWN);
        assert!(shown.lines().all(|line| line.chars().count() <= WORD + 1), "no line that Pango chokes on");
    }
}
