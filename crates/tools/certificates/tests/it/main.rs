//! Tests of the certificate authority on real files.

mod containers;
mod directory;

use std::time::{Duration, SystemTime};

use certificates::{Authority, Pair, Subject};

const DAY: Duration = Duration::from_hours(24);

fn authority() -> Authority {
    Authority::create(SystemTime::now(), 365 * DAY).expect("an authority")
}

#[test]
fn a_certificate_is_valid_for_its_subject_its_time_and_its_key_alone() {
    let (authority, now) = (authority(), SystemTime::now());
    let order = Subject::service("order");
    let pair = authority.issue(&order, now, 30 * DAY).unwrap();

    assert!(authority.check(&pair, &order, now + 29 * DAY).is_ok());
    let expired = authority.check(&pair, &order, now + 31 * DAY).unwrap_err();
    assert!(format!("{expired:#}").contains("xpired"), "{expired:#}");
    for other in [Subject::service("payment"), Subject::store("order"), order.clone().with_host("shop.example")] {
        assert!(authority.check(&pair, &other, now).is_err(), "{other:?}");
    }
    let of_another = self::authority().issue(&order, now, 30 * DAY).unwrap();
    let key_of_another = Pair { certificate: pair.certificate, key: of_another.key.clone() };
    for (case, wrong) in [("another authority's", of_another), ("another's key", key_of_another)] {
        assert!(authority.check(&wrong, &order, now).is_err(), "{case}");
    }
}

#[test]
fn an_authority_whose_key_is_anothers_signs_nothing() {
    let [first, second] = [(); 2].map(|()| authority());
    let certificate = first.certificate().to_owned();
    let mixed = Authority::load(Pair { certificate, key: second.pair().key.clone() }).unwrap();

    assert!(mixed.issue(&Subject::client("operator"), SystemTime::now(), DAY).is_err());
}
