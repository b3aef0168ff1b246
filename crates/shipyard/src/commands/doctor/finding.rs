//! The result of a check.

use std::fmt;

use serde::Serialize;

#[derive(Serialize)]
pub struct Finding {
    pub what: String,
    #[serde(flatten)]
    pub verdict: Verdict,
    pub found: String,
}

#[derive(Serialize)]
#[serde(tag = "verdict", content = "remedy", rename_all = "lowercase")]
pub enum Verdict {
    Fine,
    /// Missing and not required. The text says how to get it.
    Optional(String),
    /// Missing and required. The text says how to get it.
    Needed(String),
}

impl Finding {
    pub fn fine(what: &str, found: String) -> Self {
        Self { what: what.to_owned(), verdict: Verdict::Fine, found }
    }

    pub fn optional(what: &str, found: &str, remedy: impl Into<String>) -> Self {
        Self { what: what.to_owned(), verdict: Verdict::Optional(remedy.into()), found: found.to_owned() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, remedy) = match &self.verdict {
            Verdict::Fine => ("ok", None),
            Verdict::Optional(remedy) => ("-", Some(remedy)),
            Verdict::Needed(remedy) => ("NO", Some(remedy)),
        };
        write!(f, "{mark:<4}{:<14}{}", self.what, self.found)?;
        remedy.map_or(Ok(()), |remedy| write!(f, "\n{:18}{remedy}", ""))
    }
}
