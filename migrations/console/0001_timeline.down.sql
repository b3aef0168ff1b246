drop table places;
drop table timeline;
