drop table outbox;
drop table leases;
drop table inbox;
