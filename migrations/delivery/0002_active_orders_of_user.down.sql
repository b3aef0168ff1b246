drop index orders_active_of_user;
