//! Rows as arrays of column values, so that one statement inserts many rows.

use chrono::{DateTime, Utc};

use crate::model::{Delivery, Item, Order, Payment};

/// Defines the columns of a table. Columns of texts and numbers have the names of the row's members.
macro_rules! columns {
    ($(#[$about:meta])* $columns:ident of $row:ident { $($text:ident)+ } { $($number:ident)* } { $($own:ident: $kind:ty),* }) => {
        $(#[$about])*
        #[derive(Default)]
        pub struct $columns<'a> {
            $(pub $own: Vec<$kind>,)*
            $(pub $text: Vec<&'a str>,)+
            $(pub $number: Vec<i64>,)*
        }

        impl<'a> $columns<'a> {
            fn push(&mut self, row: &'a $row) {
                $(self.$text.push(&row.$text);)+
                $(self.$number.push(row.$number);)*
            }
        }
    };
}

columns!(
    /// Rows of `orders`.
    OrderRows of Order
    { track_number entry locale internal_signature customer_id delivery_service shardkey oof_shard }
    { sm_id }
    { order_uid: &'a str, date_created: DateTime<Utc> }
);

columns!(
    /// Rows of `deliveries`.
    Deliveries of Delivery { name phone zip city address region email } {} {}
);

columns!(
    /// Rows of `payments`.
    Payments of Payment
    { transaction request_id currency provider bank }
    { amount payment_dt delivery_cost goods_total custom_fee }
    {}
);

columns!(
    /// Rows of `items`.
    Items of Item
    { track_number rid name size brand }
    { chrt_id price sale total_price nm_id status }
    { order_uid: &'a str, position: i32 }
);

impl<'a> FromIterator<&'a Order> for OrderRows<'a> {
    fn from_iter<T: IntoIterator<Item = &'a Order>>(orders: T) -> Self {
        let mut rows = Self::default();
        for order in orders {
            rows.order_uid.push(order.order_uid.as_str());
            // An order without `date_created` breaks a rule and is never stored.
            rows.date_created.push(order.date_created.unwrap_or_default());
            rows.push(order);
        }
        rows
    }
}

impl<'a> Extend<&'a Delivery> for Deliveries<'a> {
    fn extend<T: IntoIterator<Item = &'a Delivery>>(&mut self, rows: T) {
        rows.into_iter().for_each(|row| self.push(row));
    }
}

impl<'a> Extend<&'a Payment> for Payments<'a> {
    fn extend<T: IntoIterator<Item = &'a Payment>>(&mut self, rows: T) {
        rows.into_iter().for_each(|row| self.push(row));
    }
}

impl<'a> FromIterator<(&'a Order, (&'a Item, i32))> for Items<'a> {
    fn from_iter<T: IntoIterator<Item = (&'a Order, (&'a Item, i32))>>(items: T) -> Self {
        let mut rows = Self::default();
        for (order, (item, position)) in items {
            rows.order_uid.push(order.order_uid.as_str());
            rows.position.push(position);
            rows.push(item);
        }
        rows
    }
}
