//! The headers of a record as they are in the topic: in order, with duplicates, binary values and null values.

use std::{collections::HashMap, ops::Index};

use opentelemetry::propagation::Extractor;
use rdkafka::message::{Header, OwnedHeaders};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers(Vec<(String, Option<Vec<u8>>)>);

impl Headers {
    /// Returns the last header with this name whose value is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts().filter(|(known, _)| *known == name).last().map(|(_, text)| text)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Returns the headers whose value is valid UTF-8.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.after(0)
    }

    /// Returns the headers behind the first `count` whose value is valid UTF-8.
    pub(super) fn after(&self, count: usize) -> impl Iterator<Item = (&str, &str)> {
        self.iter().skip(count).filter_map(|(name, value)| Some((name, str::from_utf8(value?).ok()?)))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a header, even if there is one with the same name.
    pub fn push(&mut self, name: impl Into<String>, value: Option<Vec<u8>>) {
        self.0.push((name.into(), value));
    }

    pub fn push_text(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.push(name, Some(value.into().into_bytes()));
    }
}

impl FromIterator<(String, Option<Vec<u8>>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Option<Vec<u8>>)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl From<HashMap<String, String>> for Headers {
    fn from(texts: HashMap<String, String>) -> Self {
        texts.into_iter().map(|(name, text)| (name, Some(text.into_bytes()))).collect()
    }
}

impl<H: rdkafka::message::Headers> From<&H> for Headers {
    fn from(headers: &H) -> Self {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}

impl From<&Headers> for OwnedHeaders {
    fn from(headers: &Headers) -> Self {
        let all = OwnedHeaders::new_with_capacity(headers.len());
        headers.iter().fold(all, |all, (key, value)| all.insert(Header { key, value }))
    }
}

/// The text of a header, like [`Headers::get`]. Panics if there is none.
impl Index<&str> for Headers {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        self.get(name).expect("the record has this header")
    }
}

/// Lets OpenTelemetry read the producer's trace.
impl Extractor for Headers {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name)
    }

    fn keys(&self) -> Vec<&str> {
        self.texts().map(|(name, _)| name).collect()
    }
}
