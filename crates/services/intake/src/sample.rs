//! Generates sample orders for the producer, and the missing members of short orders. A seed always generates the same
//! orders.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Delivery, Item, Order, OrderUid, Payment};

const NAMES: [&str; 8] = [
    "Ada Lovelace",
    "Jean Bartik",
    "Alan Turing",
    "Grace Hopper",
    "Софья Ковалевская",
    "Kurt Gödel",
    "Emmy Noether",
    "José Silva",
];
const CITIES: [(&str, &str); 6] = [
    ("Kiryat Mozkin", "Kraiot"),
    ("Москва", "Московская область"),
    ("Genève", "GE"),
    ("Reykjavík", "Höfuðborgarsvæðið"),
    ("Tallinn", "Harju"),
    ("Almaty", "Almaty"),
];
const STREETS: [&str; 5] = ["Ploshad Mira", "ул. Тверская", "Rue du Lac", "Laugavegur", "Pikk"];
const GOODS: [(&str, &str); 8] = [
    ("Hull plate", "Nostromo Works"),
    ("Ion engine", "Tsiolkovsky"),
    ("Airlock", "Voskhod"),
    ("Solar sail", "Kepler & Sons"),
    ("Sextant", "Polaris"),
    ("Mascaras", "Vivienne Sabo"),
    ("Heat shield", "Phoenix"),
    ("Galley stove", "Baïkal"),
];
const BANKS: [&str; 4] = ["alpha", "sber", "tinkoff", "vtb"];
const CURRENCIES: [&str; 4] = ["USD", "EUR", "RUB", "KZT"];

/// The earliest creation time of a sample order, in Unix seconds: 2026-01-01. Sample orders comply with the rule about
/// `date_created` until 2036.
const FIRST_CREATED: i64 = 1_767_225_600;
/// The range of the creation times, in seconds: about half a year.
const CREATED_SPAN: u64 = 15_552_000;

#[derive(Clone, Debug)]
pub struct Piece {
    pub name: String,
}

/// The random number generator `SplitMix64`. Implemented here, because the generator of a library may change with a
/// release.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The generator for order `number` of a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        let mixed = dice.roll();
        Self(mixed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random number from 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below(last.abs_diff(first) + 1).cast_signed()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap_or_default()]
    }

    /// Returns true with the probability `share`, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double's digits")]
    pub fn is_within(&mut self, share: f64) -> bool {
        ((self.roll() >> 11) as f64) < share * (1_u64 << 53) as f64
    }
}

/// Generates order `number` of `seed`: a valid order with a distinct uid.
pub fn order(seed: u64, number: u64) -> Order {
    let mut dice = Dice::new(seed, number);
    let uid = format!("{:016x}{number:x}", dice.roll());
    let created = FIRST_CREATED + dice.below(CREATED_SPAN).cast_signed();
    let created = DateTime::from_timestamp(created, 0).unwrap_or_default();
    let pieces: Vec<_> = (0..=dice.below(3)).map(|_| dice.of(&GOODS)).collect();
    let customer = format!("customer-{}", dice.below(1_000));
    let pieces = pieces.into_iter().map(|(name, brand)| (name.to_owned(), brand));
    made(&mut dice, &uid, customer, pieces.collect(), created)
}

pub fn short_order(random: u128, customer_id: String, pieces: Vec<Piece>, now: DateTime<Utc>) -> Order {
    let uid = format!("{random:032x}");
    // Half of the random bits suffice for the seed.
    let mut dice = Dice::new(u64::try_from(random >> 64).unwrap_or_default(), 0);
    let pieces = pieces.into_iter().map(|piece| (piece.name, dice.of(&GOODS).1)).collect();
    Order { entry: "DEMO".to_owned(), ..made(&mut dice, &uid, customer_id, pieces, now) }.as_stored()
}

fn made(dice: &mut Dice, uid: &str, customer_id: String, pieces: Vec<(String, &str)>, created: DateTime<Utc>) -> Order {
    let track_number = format!("WBIL{:010}", dice.below(10_000_000_000));
    let items: Vec<Item> = pieces.into_iter().map(|(name, brand)| item(dice, &track_number, name, brand)).collect();
    let goods_total = items.iter().map(|item| item.total_price).sum();
    let (delivery_cost, custom_fee) = (dice.between(0, 2_000), dice.between(0, 100));
    let name = dice.of(&NAMES);
    let (city, region) = dice.of(&CITIES);
    Order {
        order_uid: OrderUid::stored(uid),
        track_number,
        entry: "WBIL".to_owned(),
        delivery: Delivery {
            name: name.to_owned(),
            phone: format!("+9{:09}", dice.below(1_000_000_000)),
            zip: dice.between(100_000, 999_999).to_string(),
            city: city.to_owned(),
            address: format!("{} {}", dice.of(&STREETS), dice.between(1, 200)),
            region: region.to_owned(),
            email: format!("customer{}@example.com", dice.below(100_000)),
        },
        payment: Payment {
            transaction: uid.to_owned(),
            request_id: String::new(),
            currency: dice.of(&CURRENCIES).to_owned(),
            provider: "wbpay".to_owned(),
            amount: goods_total + delivery_cost + custom_fee,
            payment_dt: (created - TimeDelta::minutes(dice.between(0, 60))).timestamp(),
            bank: dice.of(&BANKS).to_owned(),
            delivery_cost,
            goods_total,
            custom_fee,
        },
        items,
        locale: dice.of(&["en", "ru"]).to_owned(),
        internal_signature: String::new(),
        customer_id,
        delivery_service: dice.of(&["meest", "cdek", "dhl"]).to_owned(),
        shardkey: dice.below(10).to_string(),
        sm_id: dice.between(1, 100),
        date_created: Some(created),
        oof_shard: dice.between(1, 2).to_string(),
    }
}

/// Generates an item whose sale is a percentage and whose total is rounded down.
fn item(dice: &mut Dice, track_number: &str, name: String, brand: &str) -> Item {
    let (price, sale) = (dice.between(10, 50_000), dice.between(0, 70));
    Item {
        chrt_id: dice.between(1, 9_999_999),
        track_number: track_number.to_owned(),
        price,
        rid: format!("{:016x}", dice.roll()),
        name,
        sale,
        size: dice.below(10).to_string(),
        total_price: price * (100 - sale) / 100,
        nm_id: dice.between(1, 9_999_999),
        brand: brand.to_owned(),
        status: 202,
    }
}
