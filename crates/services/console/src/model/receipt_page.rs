//! The page of a signed receipt: a saved file that contains the receipt. The receipt's header has digests of the file,
//! so that a change of either is found.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Check;

/// The element with the JWS. It is empty while the page's digests are computed.
const BEGIN: &str = r#"<script type="application/jose" id="signed">"#;
const END: &str = "</script>";
/// The characters that the templates escape; `&` first, since the others' replacements contain it.
const ESCAPES: [(&str, &str); 5] = [("&", "&#38;"), ("<", "&#60;"), (">", "&#62;"), ("\"", "&#34;"), ("'", "&#39;")];

/// The digests of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageDigests {
    /// Of the file without the JWS.
    file: String,
    /// Of the text that the page shows, which the page's own script can read.
    text: String,
}

impl PageDigests {
    /// Computes the digests of a page without the JWS.
    pub fn of(page: &str) -> Self {
        Self { file: digest(page.as_bytes()), text: digest(shown(page).as_bytes()) }
    }
}

/// Returns the page with the JWS.
pub fn with_receipt(page: &str, jws: &str) -> String {
    page.replacen(BEGIN, &format!("{BEGIN}{jws}"), 1)
}

/// Splits a page into the page without the JWS, and the JWS. `None` if the text has no JWS.
pub fn split(text: &str) -> Option<(String, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (jws, after) = rest.split_once(END)?;
    Some((format!("{before}{BEGIN}{END}{after}"), jws))
}

/// Returns the lines of a receipt that the page does not have.
pub fn missing_lines<'c>(page: &str, checks: &'c [Check]) -> Vec<&'c str> {
    let lines = checks.iter().flat_map(|check| [&check.text, &check.invariant].into_iter().chain(&check.evidence));
    lines.map(String::as_str).filter(|line| !page.contains(&escaped(line))).collect()
}

/// Escapes text as the templates do.
fn escaped(text: &str) -> String {
    let escape = |text: String, (letter, escape): &(&str, &str)| text.replace(letter, escape);
    ESCAPES.iter().fold(text.to_owned(), escape)
}

/// Returns the text of the element `main` without white space, as a browser reads it from the templates' HTML.
fn shown(page: &str) -> String {
    let main = page.split_once("<main").and_then(|(_, rest)| rest.split_once("</main>")).map_or("", |(main, _)| main);
    let texts = main.split('<').filter_map(|piece| Some(piece.split_once('>')?.1));
    let unescape = |text: String, (letter, escape): &(&str, &str)| text.replace(escape, letter);
    let text = ESCAPES.iter().rev().fold(texts.collect::<String>(), unescape);
    text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect()
}

/// Returns the SHA-256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_page_is_what_a_browser_shows() {
        let page = "<title>no</title><main id=\"main\"><p class=a>1 &#60; 2\n</p><b>&#38;#60;</b></main><p>no</p>";

        assert_eq!(shown(page), "1<2&#60;");
        assert_eq!(escaped("1 < 2 & \"3\""), "1 &#60; 2 &#38; &#34;3&#34;");
    }

    #[test]
    fn a_page_is_split_into_what_was_joined() {
        let page = format!("<main></main>{BEGIN}{END}<p>");

        assert_eq!(split(&with_receipt(&page, "a.b.c")), Some((page, "a.b.c")));
        assert_eq!(split("a.b.c"), None);
    }
}
