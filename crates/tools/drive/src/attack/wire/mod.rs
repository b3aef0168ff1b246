//! Connections and HTTP/2 frames that attackers write themselves, since a well-behaved client library would not send
//! them.

mod connection;
pub mod frames;

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::Mutex,
};

pub use self::connection::{Connection, channel, channel_from, client, source};
use super::{attacker::Attacker, entrances::Entrance};

/// An HTTP/2 connection that follows the protocol just enough that the server keeps it open.
pub struct Http2 {
    connection: Connection,
    pub authority: String,
}

impl Http2 {
    /// Connects, and sends the preface and SETTINGS.
    pub async fn open(attacker: &Arc<Attacker>, target: &Entrance) -> io::Result<Self> {
        let mut connection = Connection::open(attacker, target).await?;
        let begin = [frames::PREFACE, &frames::frame(frames::SETTINGS, 0, 0, &[])].concat();
        connection.write(&begin).await?;
        Ok(Self { connection, authority: target.to_string() })
    }

    /// Writes the frames that `write` returns until there are none. Meanwhile, acknowledges the server's SETTINGS and
    /// PING, and counts the streams that the server refuses. Returns when the server closes the connection.
    pub async fn drive<F>(self, mut write: impl FnMut() -> F)
    where
        F: Future<Output = Option<Vec<u8>>>,
    {
        let attacker = self.connection.attacker.clone();
        let (mut reader, writer) = tokio::io::split(self.connection.stream);
        let writer = Mutex::new(writer);
        let writing = async {
            while let Some(bytes) = write().await {
                let mut writer = writer.lock().await;
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
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
                        acknowledge(&writer, &ack).await?;
                    }
                    (frames::PING, 0) => {
                        let ack = frames::frame(frames::PING, frames::ACK, 0, &payload);
                        acknowledge(&writer, &ack).await?;
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

async fn acknowledge(writer: &Mutex<impl AsyncWrite + Unpin>, frame: &[u8]) -> io::Result<()> {
    let mut writer = writer.lock().await;
    writer.write_all(frame).await?;
    writer.flush().await
}
