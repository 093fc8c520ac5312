"""Counters, nonces, keys, events."""

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    # In ms
    """CREATE FUNCTION ostiary_clock() RETURNS bigint LANGUAGE sql AS $$
        SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
    $$""",
    # Counters. Room in each page, so that a new cell lies beside the old one and no index is touched.
    """CREATE TABLE ostiary_cells (name bytea PRIMARY KEY, cell bytea NOT NULL, expires bigint NOT NULL) WITH (fillfactor = 50)""",
    # One spend: writes ``after`` where every cell is still as ``before``, else nothing, and tells the cells and the time.
    # The names are sorted, so that two spends never wait for each other in a circle. An absent cell is an empty one. With ``slack``
    # the caller's idea of the server's time must be right to so many ms.
    # All of these go from name to name, so that no plan reads the whole table.
    """CREATE FUNCTION ostiary_spend(names bytea[], before bytea[], after bytea[], ends bigint[], believed bigint, slack bigint,
        OUT done boolean, OUT clock bigint, OUT cells bytea[]) LANGUAGE plpgsql AS $$
    DECLARE place bytea; one bytea;
    BEGIN
        clock := ostiary_clock();
        done := slack IS NULL OR abs(clock - believed) <= slack;
        IF before = after OR NOT done THEN
            FOREACH place IN ARRAY names LOOP
                SELECT c.cell INTO one FROM ostiary_cells AS c WHERE c.name = place;
                cells := cells || coalesce(one, '');
            END LOOP;
            done := done AND cells = before;
            RETURN;
        END IF;
        cells := ostiary_lock(names);
        done := cells = before;
        IF done THEN
            PERFORM ostiary_write(names, after, ends);
        END IF;
    END $$""",
    # The cells, locked to the end of the transaction; those that are not there are made, and NULL is one that somebody just swept away.
    """CREATE FUNCTION ostiary_lock(names bytea[]) RETURNS bytea[] LANGUAGE plpgsql AS $$
    DECLARE place bytea; one bytea; found_cells bytea[];
    BEGIN
        FOREACH place IN ARRAY names LOOP
            SELECT c.cell INTO one FROM ostiary_cells AS c WHERE c.name = place FOR UPDATE;
            IF NOT FOUND THEN
                INSERT INTO ostiary_cells AS c VALUES (place, '', 0) ON CONFLICT (name) DO NOTHING RETURNING c.cell INTO one;
                IF NOT FOUND THEN
                    SELECT c.cell INTO one FROM ostiary_cells AS c WHERE c.name = place FOR UPDATE;
                END IF;
            END IF;
            found_cells := array_append(found_cells, one);
        END LOOP;
        RETURN found_cells;
    END $$""",
    # Nobody waits for the disk: a crash of the server may lose what was counted in the last moments (three times wal_writer_delay, 0.6 s).
    """CREATE FUNCTION ostiary_write(names bytea[], after bytea[], ends bigint[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('synchronous_commit', 'off', true);
        FOR i IN 1 .. cardinality(names) LOOP
            UPDATE ostiary_cells SET cell = after[i], expires = ends[i] WHERE name = names[i];
        END LOOP;
    END $$""",
    # Looks at the next ``most`` cells behind ``since`` and deletes the expired; gives the last name, empty at the end.
    """CREATE FUNCTION ostiary_sweep(since bytea, now bigint, most integer) RETURNS bytea LANGUAGE plpgsql AS $$
    DECLARE seen bytea[]; place bytea;
    BEGIN
        seen := ARRAY(SELECT name FROM ostiary_cells WHERE name > since ORDER BY name LIMIT most);
        FOR place IN SELECT name FROM ostiary_cells WHERE name > since AND name <= seen[cardinality(seen)] AND expires <= now
            ORDER BY name FOR UPDATE SKIP LOCKED LOOP
            DELETE FROM ostiary_cells WHERE name = place;
        END LOOP;
        RETURN CASE WHEN cardinality(seen) = most THEN seen[most] ELSE '' END;
    END $$""",
    "CREATE TABLE ostiary_nonces (name bytea PRIMARY KEY, expires bigint NOT NULL)",
    "CREATE INDEX ostiary_nonces_end ON ostiary_nonces (expires)",
    # Keys
    """CREATE TABLE ostiary_keys (
        id text COLLATE "C" PRIMARY KEY, digest bytea NOT NULL, pepper_id text COLLATE "C" NOT NULL, created double precision NOT NULL,
        prefix text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, env text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
        owner text COLLATE "C" NOT NULL, scopes text COLLATE "C" NOT NULL, networks text COLLATE "C", origins text COLLATE "C",
        limits text COLLATE "C", not_before double precision, expires double precision, revoked double precision, disabled boolean NOT NULL,
        rotated_from text COLLATE "C" NOT NULL, replaced_by text COLLATE "C" NOT NULL, imported text COLLATE "C" NOT NULL,
        low_entropy boolean NOT NULL, exposed double precision, exposed_where text COLLATE "C" NOT NULL, metadata text COLLATE "C" NOT NULL,
        algorithm text COLLATE "C" NOT NULL, material bytea NOT NULL, sealed_under text COLLATE "C" NOT NULL)""",
    "CREATE UNIQUE INDEX ostiary_keys_imported ON ostiary_keys (digest) WHERE imported <> ''",
    "CREATE TABLE ostiary_generation (value bigint NOT NULL)",
    "INSERT INTO ostiary_generation VALUES (1)",
    # One row, so that generations come in the order of the commits. As a trigger, so that a change by hand counts, too.
    """CREATE FUNCTION ostiary_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE now_at bigint;
    BEGIN
        UPDATE ostiary_generation SET value = value + 1 RETURNING value INTO now_at;
        PERFORM pg_notify('ostiary_keys', now_at::text);
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER ostiary_keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ostiary_keys
        FOR EACH STATEMENT EXECUTE FUNCTION ostiary_keys_changed()""",
    # Whoever writes, and whatever an older program believes
    """CREATE FUNCTION ostiary_keys_stay_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a revoked key stays revoked' USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    """CREATE TRIGGER ostiary_keys_stay_revoked BEFORE UPDATE OF revoked ON ostiary_keys FOR EACH ROW
        WHEN (OLD.revoked IS NOT NULL AND NEW.revoked IS NULL) EXECUTE FUNCTION ostiary_keys_stay_revoked()""",
    # Events
    """CREATE TABLE ostiary_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time double precision NOT NULL, request_id text COLLATE "C" NOT NULL,
        route_method text COLLATE "C" NOT NULL, route text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL,
        method text COLLATE "C" NOT NULL, path text COLLATE "C" NOT NULL, status bigint NOT NULL, latency_us bigint NOT NULL,
        principal text COLLATE "C" NOT NULL, key_id text COLLATE "C" NOT NULL, address text COLLATE "C" NOT NULL,
        agent text COLLATE "C" NOT NULL, reason text COLLATE "C" NOT NULL, verdict text COLLATE "C" NOT NULL,
        limit_state text COLLATE "C" NOT NULL, note text COLLATE "C" NOT NULL, writer text COLLATE "C" NOT NULL DEFAULT '',
        seq bigint NOT NULL DEFAULT 0, salt bytea NOT NULL DEFAULT '', mac bytea NOT NULL DEFAULT '', erased bytea NOT NULL DEFAULT '')""",
    "CREATE INDEX ostiary_events_principal ON ostiary_events (principal, id)",
    """CREATE TABLE ostiary_chains (
        writer text COLLATE "C" PRIMARY KEY, key_id text COLLATE "C" NOT NULL, seq bigint NOT NULL, mac bytea NOT NULL, tag bytea NOT NULL,
        first bigint NOT NULL DEFAULT 1, before bytea NOT NULL DEFAULT '', start_tag bytea NOT NULL DEFAULT '')""",
    """CREATE TABLE ostiary_key_scopes (
        key_id text COLLATE "C", scope text COLLATE "C", last_time double precision NOT NULL, PRIMARY KEY (key_id, scope))""",
    """CREATE TABLE ostiary_leases (
        name text COLLATE "C" PRIMARY KEY, holder text COLLATE "C" NOT NULL, until double precision NOT NULL)""",
    "CREATE TABLE ostiary_event_batches (id bytea PRIMARY KEY, written double precision NOT NULL)",
    """CREATE TABLE ostiary_key_use (
        key_id text COLLATE "C" PRIMARY KEY, last_time double precision NOT NULL, address text COLLATE "C" NOT NULL,
        agent text COLLATE "C" NOT NULL, calls bigint NOT NULL)""",
    """CREATE TABLE ostiary_usage (
        day text COLLATE "C" NOT NULL, method text COLLATE "C" NOT NULL, route text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL,
        key_id text COLLATE "C" NOT NULL, calls bigint NOT NULL, denied bigint NOT NULL, last_time double precision NOT NULL,
        PRIMARY KEY (day, method, route, version, key_id))""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
