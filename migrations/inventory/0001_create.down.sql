drop view reservation_items;
drop table reservations;
drop function note_reservation_times();
drop table restock_items;
drop table restocks;
drop table parts;
