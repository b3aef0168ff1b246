//! Keys, headers and payloads of dead letters as text.

use std::fmt::Write as _;

use contracts::events::{ROUTES, Topics, route_of};

use super::poison::is_from_outside;
use crate::dead_letters::DeadLetter;

/// The maximum number of bytes of an undecodable payload, key or header that are shown.
const MAX_SHOWN_BYTES: usize = 1024;

/// Returns the payload as text: its size, and the decoded event or the bytes.
pub fn payload(letter: &DeadLetter, topics: &Topics) -> String {
    let (message, origin) = (&letter.message, letter.origin());
    let carried = ROUTES.iter().find(|route| route.topic(topics) == origin).map(|route| route.kind);
    let kind = message.headers.get("event-type").or(carried).unwrap_or_default();
    let (payload, bytes) = (&message.payload, message.payload.len());
    if message.absent.payload {
        return "absent".to_owned();
    }
    // Topics that outside programs write carry several formats: the raw bytes help more than one possible decoding.
    if is_from_outside(origin, topics) {
        return format!("{bytes} bytes of a program outside\n{}", hex(payload));
    }
    match route_of(kind).and_then(|route| route.shown(payload)) {
        Some(event) => format!("{bytes} bytes: {event}"),
        None => format!("{bytes} bytes, not a valid {kind}\n{}", hex(payload)),
    }
}

/// Formats a key or a header's value as text, or in hexadecimal digits if it is not text.
pub fn shown(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "absent".to_owned() };
    if let Ok(text) = str::from_utf8(bytes) {
        let shown = &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)];
        let more = if shown.len() < text.len() {
            format!(" and {} more bytes", text.len() - shown.len())
        } else {
            String::new()
        };
        return format!("{}{more}", shown.escape_debug());
    }
    let mut text = "0x".to_owned();
    for byte in &bytes[..bytes.len().min(MAX_SHOWN_BYTES)] {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > MAX_SHOWN_BYTES {
        let _ = write!(text, " and {} more bytes", bytes.len() - MAX_SHOWN_BYTES);
    }
    text
}

/// Formats bytes as offsets, hexadecimal values and characters, sixteen bytes per line.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in bytes[..bytes.len().min(MAX_SHOWN_BYTES)].chunks(16).enumerate() {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let characters: String =
            bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        let _ = writeln!(text, "{:06x}  {:<47}  {characters}", line * 16, hex.join(" "));
    }
    if bytes.len() > MAX_SHOWN_BYTES {
        let _ = writeln!(text, "and {} more bytes", bytes.len() - MAX_SHOWN_BYTES);
    }
    text
}
