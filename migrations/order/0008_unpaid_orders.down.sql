drop index orders_unpaid;
