"""Many people with all their rows, generated within PostgreSQL."""

EVENTS = 10  # of the audit log, for each person

STATEMENTS = {
    "people": """
        INSERT INTO accounts_user (email, name, language, password, is_active, is_staff, is_superuser,
            security_epoch, email_verified_at, last_login, date_joined)
        SELECT 'crowd' || n || '@example.com', '', '', 'md5$salt$' || md5(n::text), true, false, false,
            0, now(), now() - n * interval '1 second', now() - interval '1 year'
        FROM generate_series(1, %(people)s) n""",
    "guess budgets": """
        INSERT INTO twofactor_guessbudget (user_id, failures, day_failures, has_many_apps, password_digest,
            proven_password_digest, proven_address_digest)
        SELECT id, 0, 0, false, '', '', '' FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "backup codes": """
        INSERT INTO twofactor_backupcode (user_id, digest, imported)
        SELECT id, '$argon2id$v=19$m=19456,t=2,p=1$' || md5(id::text) || '$' || md5(id || '-' || n), false
        FROM accounts_user, generate_series(1, 10) n WHERE email LIKE 'crowd%%'""",
    "phones": """
        INSERT INTO twofactor_phone (user_id, number, verified_at, new_number)
        SELECT id, '+491701234567', now(), '' FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "trusted browsers": """
        INSERT INTO twofactor_trustedbrowser (user_id, digest, session_hash, browser, name, device_id,
            began_at, last_used_at, expires_at)
        SELECT id, md5(id::text), md5(id::text), 'Firefox', '', gen_random_uuid(), now(), now(),
            now() + random() * interval '30 days' FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "unfinished setups": """
        INSERT INTO twofactor_draft (user_id, kind, sealed, started_at, failures)
        SELECT id, 'codes', '', now() - random() * interval '1 day', 0 FROM accounts_user
        WHERE email LIKE 'crowd%%' AND id %% 100 = 0""",
    "allowances": """
        INSERT INTO twofactor_allowance (key, count, began_at)
        SELECT 'setup:crowd' || n, 1, now() FROM generate_series(1, %(people)s) n""",
    "audit log": """
        INSERT INTO twofactor_event (user_id, kind, at, ip_address, browser, detail)
        SELECT first + n %% %(people)s, 'signed_in_with_code', now() - random() * interval '500 days',
            '10.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
            '{"method": "totp"}'
        FROM generate_series(1, %(people)s * %(events)s) n,
            (SELECT min(id) AS first FROM accounts_user WHERE email LIKE 'crowd%%') found""",
    "wrong passwords, from where the visitors of a measurement are": """
        INSERT INTO accounts_passwordtries (name_digest, address, count, last_at)
        SELECT 'stranger' || n, '10.0.0.1'::inet + n %% 101, 1,
            now() + interval '2 hours' - random() * interval '100 days'
        FROM generate_series(1, %(people)s) n""",
    "wrong passwords, counted for each person": """
        INSERT INTO accounts_passwordtries (name_digest, address, count, last_at)
        SELECT name_digest, '255.255.255.255', 1, last_at
        FROM accounts_passwordtries WHERE name_digest LIKE 'stranger%%'""",
    "sessions, half of them expired": """
        INSERT INTO twofactor_session (session_key, session_data, expire_date, device_id, user_id, name,
            browser, method, session_hash, began_at, last_used_at)
        SELECT md5(n::text) || 'crowd', repeat(md5(n::text), 10),
            now() + (random() - 0.5) * interval '2 days',
            gen_random_uuid(), first + n %% %(people)s, '', 'Firefox 145 on Linux', 'totp', md5(n::text),
            now(), now()
        FROM generate_series(1, %(people)s) n,
            (SELECT min(id) AS first FROM accounts_user WHERE email LIKE 'crowd%%') found""",
}


def insert_people(cursor, people):
    """Yields what was inserted, and how many rows."""
    for what, statement in STATEMENTS.items():
        cursor.execute(statement, {"people": people, "events": EVENTS})
        yield what, cursor.rowcount
