drop table reservation_items;
drop table reservations;
