drop index orders_self_payment;
alter table orders drop column self_payment_tries, drop column self_payment_at;
alter table orders drop column decline, drop column declined_attempt, drop column unit_prices;
