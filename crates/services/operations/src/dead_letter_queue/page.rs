//! Pages of pending dead letters for the console, with keys, headers and payloads as text.

use std::fmt::Write as _;

use contracts::{
    events::{ROUTES, Topics, route_of},
    proto::operations::v1::{self, Header, ListDeadLettersResponse},
};
use platform::{grpc::timestamp, kafka};

use super::{DeadLetterQueue, Found, State, poison::is_from_outside};
use crate::{dead_letters::DeadLetter, model::Filter};

/// The maximum number of headers of a letter in a page.
const MAX_SHOWN_HEADERS: usize = 100;

impl DeadLetterQueue {
    pub(super) fn matches(&self, filter: &Filter, Found { letter, .. }: &Found) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let error = || letter.header(kafka::HEADER_ERROR).to_lowercase();
        is(&filter.topic, letter.origin())
            && is(&filter.group, letter.header(kafka::HEADER_GROUP))
            && is(&filter.kind, kind(self, letter))
            && filter.until.is_none_or(|until| letter.at <= until)
            && filter.letter.as_deref().is_none_or(|id| id == letter.id.to_string())
            && filter.reason.as_deref().is_none_or(|reason| error().contains(&reason.to_lowercase()))
    }

    /// Returns `limit` matching pending letters after the first `skip`, without the action that runs.
    pub async fn page(&self, filter: &Filter, skip: usize, limit: usize) -> anyhow::Result<ListDeadLettersResponse> {
        let letters = self.letters(filter.topic.as_deref()).await?;
        let is_pending = |found: &&Found| found.state == State::Pending;
        let pending = letters.iter().filter(is_pending).count();
        let replayed = letters.iter().filter(|found| matches!(found.state, State::Replayed(_))).count();
        let matching: Vec<&Found> =
            letters.iter().filter(is_pending).filter(|found| self.matches(filter, found)).collect();
        let page = matching.get(skip..).unwrap_or_default();
        let page = &page[..limit.min(page.len())];
        let (on_page, topics) = (page.iter().map(|found| &found.letter).collect::<Vec<_>>(), self.topics.clone());
        let mut payloads = self.read_again(&on_page, move |letter| payload(&letter, &topics)).await?;
        let page = page.iter().map(|found| {
            let payload = payloads.remove(&found.letter.id).unwrap_or_else(|| "pruned".to_owned());
            self.shown(&found.letter, payload)
        });
        Ok(ListDeadLettersResponse {
            matching: matching.len() as u64,
            newest: matching.iter().map(|found| found.letter.at).max().map(timestamp),
            pending: pending as u64,
            replayed: replayed as u64,
            discarded: (letters.len() - pending - replayed) as u64,
            letters: page.collect(),
            work: None,
        })
    }

    fn shown(&self, letter: &DeadLetter, payload: String) -> v1::DeadLetter {
        let (message, text) = (&letter.message, |name| letter.header(name).to_owned());
        v1::DeadLetter {
            id: letter.id.to_string(),
            at: Some(timestamp(letter.at)),
            topic: letter.origin().to_owned(),
            partition: text(kafka::HEADER_PARTITION),
            offset: text(kafka::HEADER_OFFSET),
            group: text(kafka::HEADER_GROUP),
            kind: kind(self, letter).to_owned(),
            error: text(kafka::HEADER_ERROR),
            attempts: text(kafka::HEADER_ATTEMPTS),
            key: shown(Some(message.key.as_slice()).filter(|_| !message.absent.key)),
            headers: message
                .headers
                .iter()
                .take(MAX_SHOWN_HEADERS)
                .map(|(name, value)| Header { name: shown(Some(name.as_bytes())), value: shown(value) })
                .collect(),
            payload,
        }
    }
}

/// Returns the event type of a letter: from its header, or else from its original topic.
fn kind<'a>(queue: &DeadLetterQueue, letter: &'a DeadLetter) -> &'a str {
    letter.message.headers.get(kafka::HEADER_EVENT_TYPE).unwrap_or_else(|| queue.kind(letter))
}

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
