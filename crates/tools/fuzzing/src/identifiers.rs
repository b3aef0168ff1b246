//! UUIDs, cursors, page tokens, limits, filters and names. A printed value parses to itself, and a parsed value prints
//! as the input or in its canonical form.

use contracts::{
    money::Money,
    proto::inventory::v1::{ListPartsRequest, PartsFilter},
};
use delivery::model::{Name, Street, TrackingNumber};
use inventory::api::parts;
use order::{
    api::orders,
    model::{DeliveryAddress, DeliveryStatus, PaymentMethod},
};
use platform::{cursor::Cursor, grpc::parse_uuid};
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::input::Input;

pub fn identifiers(data: &[u8]) {
    let mut input = Input::new(data);
    let (number, bits) = (input.u64(), input.u128());
    printed(number, bits);
    let rest = input.rest();
    if let Ok(text) = str::from_utf8(rest) {
        uuid(text);
        list(text);
        words(text);
    }
    filter(rest);
}

/// Asserts that printed values parse to themselves.
fn printed(number: u64, bits: u128) {
    let uuid = Uuid::from_u128(bits);
    for text in [uuid.to_string(), uuid.simple().to_string(), uuid.urn().to_string(), uuid.to_string().to_uppercase()] {
        assert_eq!(parse_uuid("field", &text).expect("a uuid"), uuid, "{text}");
    }
    let position = (number >> 1).cast_signed().max(1);
    assert_eq!(parts::decode_token(&position.to_string()).expect("a token"), position);
    let tracking = TrackingNumber::from_random(bits);
    assert_eq!(TrackingNumber::parse(tracking.as_str()), Some(tracking));
    if let Ok(money) = Money::from_minor((number >> 8).cast_signed()) {
        assert!(money.to_major() >= 0.0);
    }
}

fn uuid(text: &str) {
    match parse_uuid("field", text) {
        Ok(uuid) => {
            let digits: String = text.trim_start_matches("urn:uuid:").chars().filter(char::is_ascii_hexdigit).collect();
            assert_eq!(uuid.simple().to_string(), digits.to_lowercase(), "{text:?} has another canonical form");
        }
        Err(status) => {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().starts_with("field: "), "{status}");
        }
    }
}

fn list(text: &str) {
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    match orders::limit(text) {
        Ok(limit) => assert_eq!(limit.to_string(), text),
        Err(problem) => assert_eq!(problem.field.as_deref(), Some("limit")),
    }
    match parts::decode_token(text) {
        Ok(0) => assert_eq!(text, ""),
        Ok(position) => assert_eq!(position.to_string(), text),
        Err(status) => assert!(status.message().starts_with("page_token: "), "{status}"),
    }
}

fn words(text: &str) {
    if let Ok(name) = Name::new(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(street) = Street::new(text) {
        assert_eq!(street.as_str(), text);
        // Order must accept the same addresses as delivery accepts streets.
        assert!(DeliveryAddress::new(text.to_owned()).is_ok(), "{text:?} is a street and no address");
    }
    if let Ok(address) = DeliveryAddress::new(text.to_owned()) {
        assert_eq!(address.as_str(), text);
        assert!(Street::new(text).is_ok(), "{text:?} is an address and no street");
    }
    if let Some(tracking) = TrackingNumber::parse(text) {
        assert_eq!(tracking.as_str(), text);
    }
    if let Some(status) = DeliveryStatus::parse(text) {
        assert_eq!(status.as_str(), text);
    }
    if let Some(method) = PaymentMethod::parse(text) {
        assert_eq!(PaymentMethod::parse(method.as_str()), Some(method));
    }
    if let Ok(street) = geo::model::Street::new(text) {
        let again = geo::model::Street::new(text).expect("the same text");
        assert_eq!(geo::model::Cell::of_unlisted_street(&street), geo::model::Cell::of_unlisted_street(&again));
    }
}

/// Asserts that a filter is accepted, or that the error names the field.
fn filter(bytes: &[u8]) {
    let filter = PartsFilter::decode(bytes).ok().or_else(|| ListPartsRequest::decode(bytes).ok()?.filter);
    let Some(filter) = filter else { return };
    let (uuids, categories) = (filter.uuids.len(), filter.categories.len());
    match parts::decode_filter(filter) {
        Ok(read) => assert_eq!((read.parts.len(), read.categories.len()), (uuids, categories)),
        Err(status) => {
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().starts_with("filter."), "{status}");
        }
    }
}
