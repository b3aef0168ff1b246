//! An attacker's HTTP/2 connection: it speaks the protocol just well enough to be kept.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Mutex,
};

use super::{Connection, frames};
use crate::attacker::Attacker;

pub struct Http2 {
    connection: Connection,
    pub authority: String,
}

impl Http2 {
    /// Connects, and sends preface and SETTINGS.
    pub async fn open(attacker: &Arc<Attacker>, target: SocketAddr) -> io::Result<Self> {
        let mut connection = Connection::open(attacker, target).await?;
        let begin = [frames::PREFACE, &frames::frame(frames::SETTINGS, 0, 0, &[])].concat();
        connection.write(&begin).await?;
        Ok(Self { connection, authority: target.to_string() })
    }

    /// Writes what `write` gives until it gives nothing more, and at the same time acknowledges the server's SETTINGS and PING and
    /// counts the streams that it refuses. Ends when the server ends the connection.
    pub async fn drive<F>(mut self, mut write: impl FnMut() -> F)
    where
        F: Future<Output = Option<Vec<u8>>>,
    {
        let attacker = self.connection.attacker.clone();
        let (mut reader, writer) = self.connection.stream.split();
        let writer = Mutex::new(writer);
        let writing = async {
            while let Some(bytes) = write().await {
                if writer.lock().await.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let reading = async {
            let mut payload = Vec::new();
            loop {
                let mut head = [0; frames::HEAD];
                reader.read_exact(&mut head).await?;
                payload.resize(u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize, 0);
                reader.read_exact(&mut payload).await?;
                match (head[3], head[4] & frames::ACK) {
                    (frames::SETTINGS, 0) => {
                        let ack = frames::frame(frames::SETTINGS, frames::ACK, 0, &[]);
                        writer.lock().await.write_all(&ack).await?;
                    }
                    (frames::PING, 0) => {
                        let ack = frames::frame(frames::PING, frames::ACK, 0, &payload);
                        writer.lock().await.write_all(&ack).await?;
                    }
                    (frames::RST_STREAM, _) => attacker.was_refused(),
                    (frames::GOAWAY, _) => return io::Result::Ok(()),
                    _ => {}
                }
            }
        };
        tokio::select! {
            () = writing => {}
            _ = reading => {}
        }
        attacker.was_refused();
    }
}
