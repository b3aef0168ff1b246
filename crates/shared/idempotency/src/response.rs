//! Responses, errors, and the JSON in which a response is stored.

use serde::{Serialize, de::DeserializeOwned};

use crate::key::InvalidKey;

/// The largest response that is stored, in bytes of JSON. The table's check has the same limit.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<T> {
    pub value: T,
    /// True if an earlier request stored this response, and nothing was changed now.
    pub is_repeat: bool,
}

/// After each error but [`Database`](Self::Database), this request has changed nothing in the database.
#[derive(Debug, thiserror::Error)]
pub enum OnceError<E> {
    /// The error that `work` returned. Its changes are rolled back and the key is free.
    #[error(transparent)]
    Work(E),
    /// The key belongs to another request. HTTP: 422.
    #[error("the idempotency key was used for another request")]
    Reused,
    /// Another request held the key for the whole `lock_timeout`, or its row was removed just now. A retry is safe.
    /// HTTP: 409.
    #[error("a request with this idempotency key is in progress")]
    InProgress,
    /// HTTP: 400.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    /// The response is larger than [`MAX_RESPONSE_BYTES`]. The changes of `work` are rolled back and the key is free.
    #[error("a response of {bytes} bytes is too large to store")]
    TooLarge { bytes: usize },
    /// The request or the response has no JSON. The changes of `work` are rolled back and the key is free.
    #[error("a request or response has no JSON")]
    Json(#[source] serde_json::Error),
    /// The stored response is not a `T`: a version of the program with another `T` stored it.
    #[error("the stored response cannot be read")]
    Stored(#[source] serde_json::Error),
    /// If the connection broke during the commit, it is unknown whether the changes were made. A retry with the same
    /// key is safe: it gets the stored response, or makes the changes.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Returns the JSON to store.
pub(crate) fn to_json<T: Serialize, E>(value: &T) -> Result<String, OnceError<E>> {
    let json = serde_json::to_string(value).map_err(OnceError::<E>::Json)?;
    if json.len() > MAX_RESPONSE_BYTES {
        return Err(OnceError::TooLarge { bytes: json.len() });
    }
    Ok(json)
}

/// Reads a stored response. `json` is `None` if a statement committed a claim without a response.
pub(crate) fn from_row<T, E>(is_same: bool, json: Option<&str>, is_repeat: bool) -> Result<Response<T>, OnceError<E>>
where
    T: DeserializeOwned,
{
    if !is_same {
        return Err(OnceError::Reused);
    }
    let Some(json) = json else { return Err(OnceError::InProgress) };
    serde_json::from_str(json).map(|value| Response { value, is_repeat }).map_err(OnceError::Stored)
}
