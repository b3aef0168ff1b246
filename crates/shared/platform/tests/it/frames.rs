//! Encodes HTTP/2 frames by hand (RFC 9113), for clients that behave as no library would.

use std::collections::HashMap;

use tokio::io::{AsyncRead, AsyncReadExt as _};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const MAX_HEADER_LIST_SIZE: u16 = 6;

const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// Returns the beginning of a client's connection: the preface and the client's settings.
pub fn start() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat()
}

/// Returns the frame of a request `GET /`.
pub fn request(stream: u32) -> Vec<u8> {
    // Indexes of HPACK's static table: method GET, scheme http, path `/`.
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0x82, 0x86, 0x84])
}

/// Returns the beginning of a connection whose client takes no data of responses.
pub fn start_without_window() -> Vec<u8> {
    const INITIAL_WINDOW_SIZE: [u8; 6] = [0, 4, 0, 0, 0, 0];
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &INITIAL_WINDOW_SIZE)].concat()
}

/// Returns the frames of a request `GET /` and of its reset.
pub fn reset_request(stream: u32) -> Vec<u8> {
    [request(stream), reset(stream)].concat()
}

pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// Returns the head of a gRPC call; messages follow in further frames.
pub fn call(stream: u32, path: &str) -> Vec<u8> {
    // Indexes of HPACK's static table: method POST, scheme http. Literals follow: `:path`, `content-type`, `te`.
    let mut block = vec![0x83, 0x86];
    for (name, value) in [(":path", path), ("content-type", "application/grpc"), ("te", "trailers")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("less than 127 bytes"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// Returns a part of a request's body; more may follow.
pub fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

/// Returns the complete or last part of a request's body.
pub fn body(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, bytes)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub async fn read(connection: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Frame> {
    let mut head = [0; 9];
    connection.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    connection.read_exact(&mut payload).await?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Ok(Frame { kind: head[3], stream, payload })
}

pub fn settings(payload: &[u8]) -> HashMap<u16, u32> {
    let (settings, _) = payload.as_chunks::<6>();
    settings
        .iter()
        .map(|[a, b, c, d, e, f]| (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([*c, *d, *e, *f])))
        .collect()
}

pub fn error_code(payload: &[u8]) -> Option<u32> {
    payload.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}
