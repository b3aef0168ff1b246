drop table outbox;
drop table leases;
