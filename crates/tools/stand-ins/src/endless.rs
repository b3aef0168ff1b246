//! An HTTP server whose responses never end.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

const CHUNK: usize = 16 * 1024;

/// Responds to every request with `200` and endless JSON until it is dropped.
pub struct Endless {
    address: SocketAddr,
    sent: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Endless {
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, sent) = (listener.local_addr()?, Arc::<AtomicUsize>::default());
        let counted = sent.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sent = counted.clone();
                tokio::spawn(async move {
                    // The response ends when the client disconnects.
                    let _ = answer(stream, &sent).await;
                });
            }
        });
        Ok(Self { address, sent, _server: AbortOnDropHandle::new(server) })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of bytes sent, including those in the system's buffers.
    pub fn sent(&self) -> usize {
        self.sent.load(Relaxed)
    }
}

async fn answer(mut stream: TcpStream, sent: &AtomicUsize) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", " ".repeat(CHUNK));
    loop {
        stream.write_all(chunk.as_bytes()).await?;
        sent.fetch_add(CHUNK, Relaxed);
    }
}
