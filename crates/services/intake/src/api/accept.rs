//! Decides by the header `Accept` whether a client gets HTML or JSON.

use axum::http::{HeaderMap, header};

/// Returns true if the client accepts HTML and prefers it at least as much as JSON.
pub fn wants_html(headers: &HeaderMap) -> bool {
    let entries = || {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
    };
    let quality = |wanted: &str| {
        let named = entries()
            .filter(|entry| entry.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted)));
        named.map(weight).fold(0.0_f32, f32::max)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}

fn weight(entry: &str) -> f32 {
    let given = entry.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q=")?.parse().ok());
    given.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_those_who_ask_for_it() {
        for (accept, html) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json", false),
            ("*/*", false),
            ("", false),
            ("application/json, text/html;q=0.5", false),
            ("TEXT/HTML;q=0.5, application/json;q=0.4", true),
            ("text/html;q=0", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);

            assert_eq!(wants_html(&headers), html, "{accept}");
        }
    }
}
