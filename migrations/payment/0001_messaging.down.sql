drop table leases;
drop table inbox;
