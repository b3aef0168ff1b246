//! Encodes the requests and decodes the responses. <https://kafka.apache.org/protocol.html> lists their fields.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use bytes::{Buf, BufMut as _, Bytes};

use super::Acl;

/// The API key and the version of a request.
#[derive(Clone, Copy)]
pub struct Api(pub i16, pub i16);

pub const SASL_HANDSHAKE: Api = Api(17, 1);
pub const SASL_AUTHENTICATE: Api = Api(36, 0);
pub const DESCRIBE: Api = Api(29, 1);
pub const CREATE: Api = Api(30, 1);
pub const DELETE: Api = Api(31, 1);

/// Kafka's code for "any" in a filter.
const ANY: i8 = 1;

pub fn handshake(mechanism: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, mechanism);
    out
}

pub fn authenticate(user: &str, password: &str) -> Vec<u8> {
    let token = format!("\0{user}\0{password}");
    let mut out = Vec::new();
    put_length(&mut out, token.len());
    out.extend(token.as_bytes());
    out
}

/// Fails unless the response to a handshake or an authentication reports success.
pub fn accepted(mut response: Bytes) -> anyhow::Result<()> {
    let code = response.try_get_i16()?;
    ensure!(code == 0, "the broker refuses user and password (Kafka's error {code})");
    Ok(())
}

pub fn describe_all() -> Vec<u8> {
    let mut out = vec![];
    out.put_i8(ANY);
    put_null(&mut out);
    out.put_i8(ANY);
    put_null(&mut out);
    put_null(&mut out);
    out.put_i8(ANY);
    out.put_i8(ANY);
    out
}

pub fn described(mut response: Bytes) -> anyhow::Result<BTreeSet<Acl>> {
    let _throttled_ms = response.try_get_i32()?;
    succeeded(&mut response)?;
    let mut all = BTreeSet::new();
    for _ in 0..response.try_get_i32()? {
        let (resource, name, pattern) = (response.try_get_i8()?, string(&mut response)?, response.try_get_i8()?);
        for _ in 0..response.try_get_i32()? {
            let (principal, host) = (string(&mut response)?, string(&mut response)?);
            let (operation, permission) = (response.try_get_i8()?, response.try_get_i8()?);
            all.insert(Acl { resource, name: name.clone(), pattern, principal, host, operation, permission });
        }
    }
    Ok(all)
}

/// The body of the requests `CREATE` and `DELETE`: the ACLs to create, or a filter for each ACL to delete that matches
/// only it.
pub fn list(acls: &[&Acl]) -> Vec<u8> {
    let mut out = Vec::new();
    put_length(&mut out, acls.len());
    for acl in acls {
        out.put_i8(acl.resource);
        put_string(&mut out, &acl.name);
        out.put_i8(acl.pattern);
        put_string(&mut out, &acl.principal);
        put_string(&mut out, &acl.host);
        out.put_i8(acl.operation);
        out.put_i8(acl.permission);
    }
    out
}

pub fn created(mut response: Bytes) -> anyhow::Result<()> {
    let _throttled_ms = response.try_get_i32()?;
    for _ in 0..response.try_get_i32()? {
        succeeded(&mut response)?;
    }
    Ok(())
}

pub fn deleted(mut response: Bytes) -> anyhow::Result<()> {
    let _throttled_ms = response.try_get_i32()?;
    for _ in 0..response.try_get_i32()? {
        succeeded(&mut response)?;
        for _ in 0..response.try_get_i32()? {
            succeeded(&mut response)?;
            let _type = response.try_get_i8()?;
            string(&mut response)?;
            let _pattern = response.try_get_i8()?;
            string(&mut response)?;
            string(&mut response)?;
            let (_operation, _permission) = (response.try_get_i8()?, response.try_get_i8()?);
        }
    }
    Ok(())
}

/// Reads an error code and its message. Fails unless the code is 0.
fn succeeded(response: &mut Bytes) -> anyhow::Result<()> {
    let (code, message) = (response.try_get_i16()?, nullable(response)?);
    ensure!(code == 0, "Kafka's error {code}: {}", message.as_deref().unwrap_or("without a message"));
    Ok(())
}

fn string(from: &mut Bytes) -> anyhow::Result<String> {
    nullable(from)?.context("a string is missing")
}

fn nullable(from: &mut Bytes) -> anyhow::Result<Option<String>> {
    let Ok(length) = usize::try_from(from.try_get_i16()?) else { return Ok(None) };
    ensure!(length <= from.remaining(), "a string is longer than its message");
    Ok(Some(String::from_utf8(from.split_to(length).to_vec())?))
}

/// # Panics
///
/// If the text has more than 32 767 bytes. Names of users, topics and groups are far shorter.
fn put_string(out: &mut Vec<u8>, text: &str) {
    out.put_i16(text.len().try_into().expect("a name is short"));
    out.extend(text.as_bytes());
}

fn put_null(out: &mut Vec<u8>) {
    out.put_i16(-1);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.put_i32(length.try_into().expect("a request is short"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_ends_early_or_lies_about_a_length_is_an_error() {
        let mut whole = vec![];
        // The time of throttling, one result, its code and its message.
        whole.put_i32(0);
        put_length(&mut whole, 1);
        whole.put_i16(0);
        put_string(&mut whole, "text");
        let whole = Bytes::from(whole);
        created(whole.clone()).unwrap();

        for end in 0..whole.len() {
            created(whole.slice(..end)).unwrap_err();
        }
        accepted(Bytes::new()).unwrap_err();
        assert!(accepted(Bytes::from_static(&[0, 58])).unwrap_err().to_string().contains("58"));
    }
}
