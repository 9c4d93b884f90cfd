-- Databases and roles with the least rights that each needs. Run once, by psql (15 or later) as a superuser.
-- Passwords come from the environment, so that they appear in no command line and in no file.
\set ON_ERROR_STOP on
\getenv owner OWNER_PASSWORD
\getenv server SERVER_PASSWORD
\getenv lab LAB_PASSWORD
\getenv reader READER_PASSWORD

-- bench_owner makes and migrates all tables; nobody works as it.
CREATE ROLE bench_owner LOGIN PASSWORD :'owner';
-- MLflow's server: rows of MLflow's tables and of its users.
CREATE ROLE mlflow_server LOGIN PASSWORD :'server';
-- Sweeps: rows of Optuna's tables.
CREATE ROLE lab LOGIN PASSWORD :'lab';
-- Whoever only reads.
CREATE ROLE reader LOGIN PASSWORD :'reader';

CREATE DATABASE mlflow OWNER bench_owner;
CREATE DATABASE mlflow_users OWNER mlflow_server;
CREATE DATABASE studies OWNER bench_owner;

-- Without this, every role may connect to every database.
REVOKE ALL ON DATABASE mlflow, mlflow_users, studies FROM PUBLIC;
GRANT CONNECT ON DATABASE mlflow, mlflow_users TO mlflow_server;
GRANT CONNECT ON DATABASE studies TO lab;
GRANT CONNECT ON DATABASE mlflow, studies TO reader;

-- Rights on the tables that bench_owner will make. mlflow_users holds hashes of passwords: reader has no access to it.
\connect mlflow
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mlflow_server;
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT USAGE, SELECT ON SEQUENCES TO mlflow_server;
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT SELECT ON TABLES TO reader;
\connect mlflow_users
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mlflow_server;
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT USAGE, SELECT ON SEQUENCES TO mlflow_server;
\connect studies
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lab;
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT USAGE, SELECT ON SEQUENCES TO lab;
ALTER DEFAULT PRIVILEGES FOR ROLE bench_owner GRANT SELECT ON TABLES TO reader;
