drop table loans;
drop table kyc_checks;
drop table customer_versions;
drop table profiles;
drop table customers;
