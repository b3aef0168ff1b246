drop index notifications_of_user;
