alter table loans drop constraint loans_finite;
alter table customers drop constraint customers_finite;
