"""What an export says of the catalogue: trainings with every price, sessions, accreditation, shares."""

from bekal.exchange.export_columns import Extract, day, flag, instant, instant_sql, number, text
from bekal.exchange.people import BOUGHT, NOBODY

# A training's prices, the oldest first, in one cell.
PRICES_SQL = f"""(SELECT string_agg({instant_sql("price.since_at")} || ' ' || price.price_rupiah || ' ' || price.source,
                                   ';' ORDER BY price.since_at)
    FROM catalogue_trainingprice price WHERE price.training_id = training.id)"""


def trainings() -> Extract:
    return Extract(
        columns=(
            text("code", "training.code"),
            text("title", "training.title"),
            text("institution", "institution.name"),
            text("category", "category.name_id"),
            text("category_en", "category.name_en"),
            number("price", "training.price_rupiah"),
            text("platform", "platform.name"),
            text("mode", "training.mode"),
            number("province", "training.province"),
            number("hours", "training.hours"),
            number("session_count", "training.session_count"),
            number("seat_count", "training.seat_count"),
            text("description", "training.description"),
            flag("on_sale", "training.is_offered"),
            instant("listed_at", "training.listed_at"),
            text("price_history", PRICES_SQL),
        ),
        source="""catalogue_training training
            JOIN catalogue_institution institution ON institution.id = training.institution_id
            JOIN catalogue_category category ON category.id = training.category_id
            LEFT JOIN catalogue_platform platform ON platform.id = training.platform_id""",
        order="training.id",
        of_person=f"training.id IN {BOUGHT}",
    )


def sessions() -> Extract:
    return Extract(
        columns=(
            text("training", "training.code"),
            number("sequence", "session.sequence"),
            instant("starts_at", "session.starts_at"),
            instant("ends_at", "session.ends_at"),
            text("place", "session.place"),
        ),
        source="catalogue_session session JOIN catalogue_training training ON training.id = session.training_id",
        order="session.training_id, session.sequence",
        of_person=f"training.id IN {BOUGHT}",
    )


def institution_stops() -> Extract:
    return Extract(
        columns=(
            text("institution", "institution.name"),
            instant("stopped_at", "institution.settlement_stopped_at"),
            text("reason", "institution.settlement_stop_reason"),
        ),
        source="catalogue_institution institution",
        only="institution.settlement_stopped_at IS NOT NULL",
        order="institution.name, institution.id",
        of_person=NOBODY,
    )


def accreditations() -> Extract:
    return Extract(
        columns=(
            text("holder", "CASE WHEN decision.platform_id IS NULL THEN 'institution' ELSE 'platform' END"),
            text("name", "coalesce(institution.name, platform.name)"),
            text("state", "decision.state"),
            text("number", "nullif(decision.number, '')"),
            day("from_on", "decision.from_on"),
            day("until_on", "decision.until_on"),
            text("reason", "decision.reason"),
            text("decided_by", "officer.login_name"),
            instant("decided_at", "decision.decided_at"),
        ),
        source="""catalogue_accreditation decision
            LEFT JOIN catalogue_institution institution ON institution.id = decision.institution_id
            LEFT JOIN catalogue_platform platform ON platform.id = decision.platform_id
            LEFT JOIN accounts_user officer ON officer.id = decision.decided_by_id""",
        order="decision.decided_at, decision.id",
        of_person=NOBODY,
    )


def ownerships() -> Extract:
    return Extract(
        columns=(
            text("shareholder", "holder.name"),
            text("shareholder_kind", "holder.kind"),
            text("held", "coalesce(institution.name, platform.name, held.name)"),
            text(
                "held_kind",
                "CASE WHEN institution.id IS NOT NULL THEN 'institution' WHEN platform.id IS NOT NULL THEN 'platform' "
                "ELSE held.kind END",
            ),
            text("share_percent", "share.share_percent::text"),
            day("since_on", "share.since_on"),
            day("until_on", "share.until_on"),
            text("recorded_by", "officer.login_name"),
            instant("recorded_at", "share.recorded_at"),
        ),
        source="""catalogue_ownership share JOIN catalogue_owner holder ON holder.id = share.shareholder_id
            LEFT JOIN catalogue_institution institution ON institution.id = share.institution_id
            LEFT JOIN catalogue_platform platform ON platform.id = share.platform_id
            LEFT JOIN catalogue_owner held ON held.id = share.held_owner_id
            LEFT JOIN accounts_user officer ON officer.id = share.recorded_by_id""",
        order="share.recorded_at, share.id",
        of_person=NOBODY,
    )
