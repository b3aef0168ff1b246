//! The consumed topics: events of the shop's orders, and baskets that outside programs confirm.

use contracts::{
    events::{BASKET_CONFIRMED, OrderCancelled, OrderOf, OrderPaid, Received, ShipAssembled, Subscription, group},
    ids::OrderId,
};
use platform::kafka::Failure;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use uuid::Uuid;

use crate::{
    generate::Generator,
    model::{Street, Volume},
    service::DeliveryService,
};

pub fn all(service: &DeliveryService, generator: &Generator) -> [Subscription; 4] {
    [
        order_paid(service.clone(), generator.clone()),
        ship_assembled(service.clone()),
        order_cancelled(service.clone()),
        basket_confirmed(service.clone(), generator.clone()),
    ]
}

/// `OrderPaid`: creates the delivery of an order that has an address.
pub fn order_paid(service: DeliveryService, generator: Generator) -> Subscription {
    Subscription::new(const { group::<OrderPaid>("delivery") }, move |cause, paid: Received<OrderPaid>| {
        let (service, generator) = (service.clone(), generator.clone());
        let OrderOf { order, user } = paid.subject;
        async move {
            if !paid.event.deliver {
                return Ok(service.skip(cause).await?);
            }
            let new = generator.delivery(order, Some(user));
            Ok(service.order_paid(cause, &new).await?)
        }
    })
}

/// `ShipAssembled`: makes the order wait for a courier.
pub fn ship_assembled(service: DeliveryService) -> Subscription {
    Subscription::new(const { group::<ShipAssembled>("delivery") }, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(cause, assembled.subject.order).await?) }
    })
}

/// `OrderCancelled`: fails the delivery of a paid order, unless the ship is already built.
pub fn order_cancelled(service: DeliveryService) -> Subscription {
    Subscription::new(
        const { group::<OrderCancelled>("delivery") },
        move |cause, cancelled: Received<OrderCancelled>| {
            let service = service.clone();
            async move {
                if !cancelled.event.paid {
                    // The order was never paid, so no `order.paid` follows.
                    return Ok(service.skip(cause).await?);
                }
                Ok(service.order_cancelled(cause, cancelled.subject.order).await?)
            }
        },
    )
}

/// The field numbers of one form; `street` is a field of the address.
struct Form {
    volume: u32,
    basket_id: u32,
    address: u32,
    street: u32,
}

const FORMS: [Form; 3] = [
    Form { volume: 3, basket_id: 1, address: 2, street: 1 },
    Form { volume: 5, basket_id: 1, address: 2, street: 3 },
    Form { volume: 8, basket_id: 4, address: 5, street: 3 },
];

#[derive(Debug, PartialEq, Eq)]
struct Basket {
    id: OrderId,
    street: Street,
    volume: Volume,
}

/// The number and value of a field in protobuf's wire format.
enum Field<'a> {
    Varint(u32, u64),
    Bytes(u32, &'a [u8]),
}

/// `basket.confirmed`, which outside programs publish: creates a delivery for the basket, as if it were an order.
///
/// The message has three forms. In each, exactly one of the fields 3, 5 and 8 is a varint: the volume. Its number
/// identifies the form.
pub fn basket_confirmed(service: DeliveryService, generator: Generator) -> Subscription {
    Subscription::inbound(&BASKET_CONFIRMED, move |message| {
        let (service, generator) = (service.clone(), generator.clone());
        async move {
            let basket = read(&message.payload).map_err(Failure::poison)?;
            service.create(&generator.basket(basket.id), &basket.street, basket.volume).await?;
            Ok(())
        }
    })
}

/// Returns why a message is not a valid basket, or `None` if it is.
pub fn basket_problem(payload: &[u8]) -> Option<String> {
    read(payload).err()
}

/// Reads a basket of any form. An error names the field and the rule, never the value.
fn read(payload: &[u8]) -> Result<Basket, String> {
    let fields = fields(payload)?;
    let mut volumes = fields.iter().filter_map(|field| match field {
        Field::Varint(number, value) => FORMS.iter().find(|form| form.volume == *number).map(|form| (form, *value)),
        Field::Bytes(..) => None,
    });
    let (form, volume) = volumes.next().ok_or("volume: none of the fields 3, 5 and 8 is a varint")?;
    if volumes.next().is_some() {
        return Err("volume: more than one of the fields 3, 5 and 8 is a varint".to_owned());
    }
    let id = text(&fields, form.basket_id).ok_or("basket_id: must be a string")?;
    let id = Uuid::try_parse(id).map_err(|_| "basket_id: must be a uuid")?;
    let address = bytes(&fields, form.address).ok_or("address: is required")?;
    let address = self::fields(address).map_err(|error| format!("address: {error}"))?;
    let street = text(&address, form.street).ok_or("address.street: must be a string")?;
    Ok(Basket {
        id: OrderId::new(id),
        street: Street::new(street).map_err(|error| format!("address.street: {error}"))?,
        volume: Volume::new(volume.cast_signed()).map_err(|error| format!("volume: {error}"))?,
    })
}

fn fields(mut message: &[u8]) -> Result<Vec<Field<'_>>, String> {
    let wrong = |error: prost::DecodeError| format!("not a protobuf message: {error}");
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (number, wire_type) = decode_key(&mut message).map_err(wrong)?;
        match wire_type {
            WireType::Varint => fields.push(Field::Varint(number, decode_varint(&mut message).map_err(wrong)?)),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(wrong)?;
                let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
                let length = length.ok_or("not a protobuf message: a field is longer than the message")?;
                let (value, rest) = message.split_at(length);
                fields.push(Field::Bytes(number, value));
                message = rest;
            }
            other => skip_field(other, number, &mut message, DecodeContext::default()).map_err(wrong)?,
        }
    }
    Ok(fields)
}

/// If the field occurs more than once, its last value counts, as protobuf requires.
fn bytes<'a>(fields: &[Field<'a>], wanted: u32) -> Option<&'a [u8]> {
    fields.iter().rev().find_map(|field| match field {
        Field::Bytes(number, value) if *number == wanted => Some(*value),
        _ => None,
    })
}

fn text<'a>(fields: &[Field<'a>], wanted: u32) -> Option<&'a str> {
    str::from_utf8(bytes(fields, wanted)?).ok()
}

#[cfg(test)]
mod tests {
    use contracts::proto::basket::events::{Address, BasketConfirmedIntegrationEvent};
    use proptest::prelude::*;
    use prost::{
        Message as _,
        encoding::{bytes, encode_varint, int32, string},
    };

    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn message(texts: &[(u32, &str)], messages: &[(u32, Vec<u8>)], numbers: &[(u32, i32)]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, text) in texts {
            string::encode(*number, &(*text).to_owned(), &mut message);
        }
        for (number, inner) in messages {
            bytes::encode(*number, inner, &mut message);
        }
        for (number, value) in numbers {
            int32::encode(*number, value, &mut message);
        }
        message
    }

    /// Encodes an address of country, city, street, house and apartment.
    fn long_address(street: &str) -> Vec<u8> {
        message(&[(1, "Россия"), (2, "Москва"), (3, street), (4, "1"), (5, "2")], &[], &[])
    }

    fn basket(volume: i64) -> Basket {
        let id = OrderId::new(Uuid::parse_str(ID).unwrap());
        Basket { id, street: Street::new("Тверская").unwrap(), volume: Volume::new(volume).unwrap() }
    }

    #[test]
    fn all_three_forms_are_read() {
        let address = Some(Address { street: "Тверская".to_owned() });
        let short = BasketConfirmedIntegrationEvent { basket_id: ID.to_owned(), address, volume: 5 }.encode_to_vec();
        let item = message(&[(1, "item")], &[], &[(2, 3)]);
        let course = message(
            &[(1, ID)],
            &[(2, long_address("Тверская")), (3, item.clone()), (3, item.clone()), (4, item.clone())],
            &[(5, 6)],
        );
        let enveloped = message(
            &[(1, "event"), (2, "BasketConfirmed"), (4, ID)],
            &[(3, message(&[], &[], &[(1, 1_700_000_000)])), (5, long_address("Тверская")), (6, item)],
            &[(7, 2), (8, 7)],
        );

        assert_eq!(read(&short), Ok(basket(5)));
        assert_eq!(read(&course), Ok(basket(6)));
        assert_eq!(read(&enveloped), Ok(basket(7)));
    }

    #[test]
    fn a_wrong_basket_names_the_field_and_never_its_value() {
        let short = |id: &str, street: &str, volumes: &[(u32, i32)]| {
            message(&[(1, id)], &[(2, message(&[(1, street)], &[], &[]))], volumes)
        };
        let long = "x".repeat(301);
        let wrong = [
            (short(ID, "secret", &[]), "volume: none"),
            (short(ID, "secret", &[(3, 1), (5, 1)]), "volume: more than one"),
            (short(ID, "secret", &[(3, 1), (3, 2)]), "volume: more than one"),
            (short(ID, "secret", &[(3, 0)]), "volume: must be"),
            (short(ID, "secret", &[(3, -1)]), "volume: must be"),
            (short(ID, "secret", &[(3, 10_001)]), "volume: must be"),
            (short("secret", "secret", &[(3, 1)]), "basket_id: must be a uuid"),
            (short(ID, " ", &[(3, 1)]), "address.street: must not be blank"),
            (short(ID, &long, &[(3, 1)]), "address.street: must have at most 300"),
            (message(&[(1, ID)], &[], &[(3, 1)]), "address: is required"),
            (message(&[(1, ID)], &[(2, Vec::new())], &[(3, 1)]), "address.street: must be a string"),
            (b"\x0a\xff\x01secret".to_vec(), "not a protobuf message"),
        ];
        for (payload, expected) in wrong {
            let error = read(&payload).unwrap_err();

            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret") && !error.contains("xxx"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(payload: Vec<u8>, number in 0_u64..100) {
            let _ = read(&payload);
            let mut begun = Vec::new();
            encode_varint(number, &mut begun);
            begun.extend(payload);
            let _ = read(&begun);
        }
    }
}
