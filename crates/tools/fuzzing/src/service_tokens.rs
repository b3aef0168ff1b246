//! Arbitrary bytes as a session or a service's token are refused, and so is a valid one with one changed bit.

use std::{cell::RefCell, sync::Arc};

use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
use http::{HeaderName, HeaderValue, Request, header};
use platform::auth::{Guard, MemorySessions, Rule, SESSION_HEADER, ServiceKey};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::input::Input;

const RULES: &[Rule] = &[Rule::session("GET /parts", &["order"])];
const KEY: &str = "a key of fuzzing, long enough for HS256";
const SESSION: Uuid = Uuid::from_u128(0x0a);

thread_local! {
    static SHOP: RefCell<Shop> = RefCell::new(Shop::new());
}

/// A guarded route with one session and one service that it admits.
struct Shop {
    runtime: Runtime,
    router: Router,
    /// The value of `authorization` that admits the service.
    token: String,
}

impl Shop {
    fn new() -> Self {
        let key = |service| ServiceKey::new(service, &KEY.into()).expect("the key is long enough");
        let sessions = MemorySessions::default();
        sessions.open(&SESSION.to_string(), Uuid::from_u128(1));
        let guard = Guard::new(Arc::new(sessions), key("inventory"), RULES);
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            router: Router::new()
                .route("/parts", get(async || "parts"))
                .route_layer(from_fn_with_state(guard, Guard::http)),
            token: format!("Bearer {}", key("order").token("inventory").expect("a token")),
        }
    }

    /// Returns whether a caller with this header is admitted.
    fn admits(&self, name: HeaderName, value: HeaderValue) -> bool {
        let request = Request::get("/parts").header(name, value).body(Body::empty()).expect("a request");
        let response = self.runtime.block_on(self.router.clone().oneshot(request));
        let status = response.unwrap_or_else(|never| match never {}).status();
        assert!(status == 200 || status == 401, "{status}");
        status == 200
    }
}

/// Calls a guarded route with a session or a token derived from `data`.
pub fn tokens(data: &[u8]) {
    SHOP.with_borrow(|shop| {
        let mut input = Input::new(data);
        match input.below(4) {
            0 => session(shop, input.rest()),
            1 => token(shop, input.rest()),
            2 => session(shop, &with_one_bit_changed(&SESSION.to_string(), &mut input)),
            _ => token(shop, &with_one_bit_changed(&shop.token, &mut input)),
        }
    });
}

fn with_one_bit_changed(text: &str, input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let (place, bit) = (input.below(bytes.len()), input.byte() % 8);
    bytes[place] ^= 1 << bit;
    bytes
}

/// Asserts that the id is refused unless it is the session's, in any spelling of a UUID.
fn session(shop: &Shop, id: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(id) else { return };
    let is_open = str::from_utf8(id).is_ok_and(|text| Uuid::try_parse(text) == Ok(SESSION));
    assert_eq!(shop.admits(HeaderName::from_static(SESSION_HEADER), value), is_open, "session {id:?}");
}

/// Asserts that the text is refused unless it is order's token for inventory.
fn token(shop: &Shop, text: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let own = shop.token.as_bytes();
    // The scheme is case-insensitive.
    let scheme = "Bearer".len();
    let is_own = text.len() == own.len()
        && text[..scheme].eq_ignore_ascii_case(&own[..scheme])
        && text[scheme..] == own[scheme..];
    assert_eq!(shop.admits(header::AUTHORIZATION, value), is_own, "token {text:?}");
}
