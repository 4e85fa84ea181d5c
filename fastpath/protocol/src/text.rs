//! Text that must not reach a log, and text made fit for XML.

use std::fmt;

/// A string whose `Debug` prints only its length: what a person wrote.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Leaves out the characters that XML 1.0 §2.2 does not allow, which would end the stream.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| is_xml(*c)).collect()
}

/// [`clean`], and cut at a character so that at most `most` bytes remain.
pub fn clip(text: &str, most: usize) -> String {
    let mut text = clean(text);
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(clean("a\u{0}b\u{8}\tc\u{FFFE}\n\u{1F600}"), "ab\tc\n\u{1F600}");
    }

    #[test]
    fn debug_shows_no_text() {
        assert_eq!(format!("{:?}", Hidden::from("secret")), "<6 bytes>");
    }
}
