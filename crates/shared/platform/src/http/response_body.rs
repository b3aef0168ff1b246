//! Reads response bodies of outside systems up to a limit, so that they cannot exhaust memory.

use reqwest::Response;

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Lost(#[from] reqwest::Error),
}

/// Reads a body of at most `most` bytes. If the body is larger, stops reading and closes the connection.
pub async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > most - body.len() {
            return Err(BodyError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
