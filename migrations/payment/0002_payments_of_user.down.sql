drop index payments_user;
