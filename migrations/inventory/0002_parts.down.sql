drop table restock_items;
drop table restocks;
drop table parts;
