//! URLs of outside systems that a service calls.

use std::net::IpAddr;

use url::Url;

use crate::config::ConfigError;

/// Parses an `http` or `https` URL. An error names the variable and gives an example.
pub fn read(variable: &str, text: &str, example: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| ConfigError::new(variable, format!("is not a URL such as {example}")))
}

/// Returns true if requests to the URL cross a network in plain text.
pub fn is_in_clear(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    url.scheme() == "http" && host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}
