//! Stylesheet, scripts and icon. Each has a hash of its content in its name, so that a browser may keep it for a year.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    extract::Path,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse as _, Response},
};
use platform::http::not_found;

use super::compression::{accepts_gzip, gzip};

const FOREVER: &str = "public, max-age=31536000, immutable";
/// The caching of a file that is requested with another version's hash, as during a rolling upgrade.
const NOT_KEPT: &str = "no-store";

pub const STYLE: &str = include_str!("../../assets/style.css");

/// The addresses of the files, as pages name them.
#[derive(Debug)]
pub struct Assets {
    pub style: String,
    pub icon: String,
    /// `page.js`: conveniences on every page.
    pub page: String,
    pub cart: String,
    /// `live.js`: updates from the server.
    pub live: String,
}

struct Asset {
    /// `<stem>-<hash>.<extension>`.
    name: String,
    stem: &'static str,
    media_type: &'static str,
    content: &'static str,
    gzip: Bytes,
}

static FILES: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    [
        asset("style", "css", "text/css; charset=utf-8", STYLE),
        asset("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
        asset("page", "js", script, include_str!("../../assets/page.js")),
        asset("cart", "js", script, include_str!("../../assets/cart.js")),
        asset("live", "js", script, include_str!("../../assets/live.js")),
    ]
});

pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let [style, icon, page, cart, live] = FILES.each_ref().map(|asset| format!("/console/assets/{}", asset.name));
    Assets { style, icon, page, cart, live }
});

fn asset(stem: &'static str, extension: &str, media_type: &'static str, content: &'static str) -> Asset {
    let name = format!("{stem}-{:08x}.{extension}", crc32fast::hash(content.as_bytes()));
    Asset { name, stem, media_type, content, gzip: gzip(content.as_bytes()) }
}

/// `GET /console/assets/{name}`
pub async fn serve(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let stem = name.split('-').next().unwrap_or_default();
    let Some(asset) = FILES.iter().find(|asset| asset.stem == stem) else {
        return not_found(uri).await.into_response();
    };
    let kept = if asset.name == name { FOREVER } else { NOT_KEPT };
    let headers_out =
        [(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, kept), (header::VARY, "Accept-Encoding")];
    if accepts_gzip(&headers) {
        (headers_out, [(header::CONTENT_ENCODING, "gzip")], asset.gzip.clone()).into_response()
    } else {
        (headers_out, asset.content).into_response()
    }
}
