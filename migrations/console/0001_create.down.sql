drop table actions;
drop table places;
drop table timeline;
