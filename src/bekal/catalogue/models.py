"""The tables of the catalogue: what can be bought (`shelf_models`), and what becomes of it (`life_models`)."""

from bekal.catalogue.life_models import REASON_LIMIT_COUNT as REASON_LIMIT_COUNT
from bekal.catalogue.life_models import Accreditation as Accreditation
from bekal.catalogue.life_models import CurationDecision as CurationDecision
from bekal.catalogue.life_models import CuratorInterest as CuratorInterest
from bekal.catalogue.life_models import OfferChange as OfferChange
from bekal.catalogue.life_models import Owner as Owner
from bekal.catalogue.life_models import Ownership as Ownership
from bekal.catalogue.life_models import SessionChange as SessionChange
from bekal.catalogue.life_models import Submission as Submission
from bekal.catalogue.life_models import Suspension as Suspension
from bekal.catalogue.life_models import TrainingPrice as TrainingPrice
from bekal.catalogue.shelf_models import LOCK_ORDER as LOCK_ORDER
from bekal.catalogue.shelf_models import MAX_PRICE_RUPIAH as MAX_PRICE_RUPIAH
from bekal.catalogue.shelf_models import Accredited as Accredited
from bekal.catalogue.shelf_models import Category as Category
from bekal.catalogue.shelf_models import Institution as Institution
from bekal.catalogue.shelf_models import InstitutionStaff as InstitutionStaff
from bekal.catalogue.shelf_models import Platform as Platform
from bekal.catalogue.shelf_models import Session as Session
from bekal.catalogue.shelf_models import Training as Training
