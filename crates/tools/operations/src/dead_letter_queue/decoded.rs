//! Keys, headers and payloads of dead letters as text.

use std::fmt::{self, Write as _};

use contracts::events::{ROUTES, Topics, route_of};

use super::poison::is_from_outside;
use crate::dead_letters::DeadLetter;

/// How many bytes of an undecodable payload, key or header are shown.
const MAX_SHOWN_BYTES: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    Absent,
    Event {
        bytes: usize,
        event: String,
    },
    /// A message of an outside program.
    Outside {
        bytes: usize,
        hex: String,
    },
    NotDecoded {
        bytes: usize,
        kind: String,
        hex: String,
    },
}

pub fn payload(letter: &DeadLetter, topics: &Topics) -> Payload {
    let (message, origin) = (&letter.message, letter.origin());
    let carried = ROUTES.iter().find(|route| route.topic(topics) == origin).map(|route| route.kind);
    let kind = message.headers.get("event-type").or(carried).unwrap_or_default();
    let (payload, bytes) = (&message.payload, message.payload.len());
    if message.absent.payload {
        return Payload::Absent;
    }
    // Topics that outside programs write carry several formats: the raw bytes help more than one possible decoding.
    if is_from_outside(origin, topics) {
        return Payload::Outside { bytes, hex: hex(payload) };
    }
    match decoded(kind, payload) {
        Some(event) => Payload::Event { bytes, event },
        None => Payload::NotDecoded { bytes, kind: kind.to_owned(), hex: hex(payload) },
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Event { bytes, event } => write!(f, "{bytes} bytes: {event}"),
            Self::Outside { bytes, hex } => write!(f, "{bytes} bytes of a program outside\n{hex}"),
            Self::NotDecoded { bytes, kind, hex } => write!(f, "{bytes} bytes, not a valid {kind}\n{hex}"),
        }
    }
}

/// Formats a key or a header's value as text, or in hexadecimal digits if it is not text.
pub fn shown(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "absent".to_owned() };
    if let Ok(text) = str::from_utf8(bytes) {
        return text.escape_debug().to_string();
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

fn decoded(kind: &str, payload: &[u8]) -> Option<String> {
    route_of(kind)?.shown(payload)
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
