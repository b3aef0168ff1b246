drop table orders;
drop table storage_places;
drop table couriers;
