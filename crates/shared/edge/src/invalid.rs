//! The invalid fields of a request. An endpoint checks all fields and reports the invalid ones together: over HTTP as a
//! problem document, over gRPC as a status with `google.rpc.BadRequest`.

use std::fmt::{self, Display};

use serde::Serialize;
use utoipa::ToSchema;

/// The maximum number of invalid fields that a response lists.
pub const MAX_FIELDS: usize = 20;

/// An invalid member, parameter, header or field of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidField {
    /// Its path, such as `items[0].quantity`.
    pub field: Box<str>,
    pub code: FieldCode,
    /// What is wrong, for people. Without the name of the field, and never with its value.
    pub message: Box<str>,
}

/// The kind of an invalid field's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FieldCode {
    /// Its value is not a valid one.
    Invalid,
    /// It is absent.
    Required,
    /// It was sent more than once.
    Repeated,
    /// There is no such field.
    Unknown,
}

impl FieldCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Required => "REQUIRED",
            Self::Repeated => "REPEATED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Returns the code with this name, or `Invalid` for a code of another service that this one does not know.
    pub(crate) fn from_name(name: &str) -> Self {
        let codes = [Self::Required, Self::Repeated, Self::Unknown];
        codes.into_iter().find(|code| code.as_str() == name).unwrap_or(Self::Invalid)
    }
}

impl InvalidField {
    pub fn new(field: impl Into<Box<str>>, code: FieldCode, message: impl Display) -> Self {
        Self { field: field.into(), code, message: message.to_string().into() }
    }

    /// Creates the error of an invalid value.
    pub fn invalid(field: impl Into<Box<str>>, message: impl Display) -> Self {
        Self::new(field, FieldCode::Invalid, message)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidFields(Vec<InvalidField>);

impl InvalidFields {
    /// Returns the checked value of `field`. If the check failed, adds the error, whose text is the message.
    pub fn check<T>(&mut self, field: impl Into<Box<str>>, checked: Result<T, impl Display>) -> Option<T> {
        checked.map_err(|error| self.add(InvalidField::invalid(field, error))).ok()
    }

    /// Adds an invalid field, unless the same field or [`MAX_FIELDS`] others have errors already.
    pub fn add(&mut self, field: InvalidField) {
        if self.0.len() < MAX_FIELDS && self.0.iter().all(|known| known.field != field.field) {
            self.0.push(field);
        }
    }

    /// Fails if a field is invalid.
    pub fn none(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    pub fn as_slice(&self) -> &[InvalidField] {
        &self.0
    }
}

impl FromIterator<InvalidField> for InvalidFields {
    fn from_iter<I: IntoIterator<Item = InvalidField>>(fields: I) -> Self {
        Self(fields.into_iter().take(MAX_FIELDS).collect())
    }
}

impl Display for InvalidField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for InvalidField {}

/// The text names the first field.
impl Display for InvalidFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(first) => first.fmt(formatter),
            None => formatter.write_str("the request is not valid"),
        }
    }
}

impl std::error::Error for InvalidFields {}

impl From<InvalidFields> for Box<[InvalidField]> {
    fn from(fields: InvalidFields) -> Self {
        fields.0.into()
    }
}
