//! A Kerberos principal: who somebody is to the KDC.

use std::fmt;
use std::str::FromStr;

/// Longest principal that is read, in octets.
const MAX_LENGTH: usize = 1024;

/// `name@REALM`. `name` keeps the form of the library: `/` separates components, a literal `/` or `@` is escaped by `\`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// The part before the realm, e.g. `ann`, `HTTP/localhost`.
    pub name: String,
    /// The realm, e.g. `EXAMPLE.TEST`.
    pub realm: String,
}

impl Principal {
    /// The name of a person: one component without escapes. `None` for services, hosts and `ann/admin`, which are never
    /// to be mapped to somebody's account by accident.
    pub fn person(&self) -> Option<&str> {
        (!self.name.contains(['/', '\\'])).then_some(self.name.as_str())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}

/// The text is no `name@REALM`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a principal has the form name@REALM")]
pub struct InvalidPrincipal;

impl FromStr for Principal {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, InvalidPrincipal> {
        if text.len() > MAX_LENGTH || text.chars().any(char::is_control) {
            return Err(InvalidPrincipal);
        }
        let mut escaped = false;
        let mut at = None;
        for (index, character) in text.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '@' if at.is_some() => return Err(InvalidPrincipal),
                '@' => at = Some(index),
                _ => {}
            }
        }
        let (name, realm) = text.split_at(at.ok_or(InvalidPrincipal)?);
        let realm = &realm[1..];
        if escaped || name.is_empty() || realm.is_empty() {
            return Err(InvalidPrincipal);
        }
        Ok(Self { name: name.to_owned(), realm: realm.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_back() {
        let table = [
            ("ann@EXAMPLE.TEST", "ann", "EXAMPLE.TEST", Some("ann")),
            ("HTTP/localhost@EXAMPLE.TEST", "HTTP/localhost", "EXAMPLE.TEST", None),
            ("ann/admin@R", "ann/admin", "R", None),
            ("ann\\@evil.test@R", "ann\\@evil.test", "R", None),
        ];
        for (text, name, realm, person) in table {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.name.as_str(), principal.realm.as_str()), (name, realm));
            assert_eq!(principal.person(), person, "{text}");
            assert_eq!(principal.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!("{}@R", "a".repeat(MAX_LENGTH));
        for text in ["", "ann", "@R", "ann@", "a@b@c", "ann\\@R", "ann@R\\", "ann\n@R", long.as_str()] {
            assert_eq!(text.parse::<Principal>(), Err(InvalidPrincipal), "{text:?}");
        }
    }
}
