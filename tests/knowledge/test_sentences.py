import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.passages import normalise
from knowledge.sentences import sentences

# One text a line; `¦` marks each boundary that a careful reader would set.
AWKWARD = """
The heart is enlarged. ¦ The lungs are clear.
We saw this in 1995. ¦ 45 practices were asked.
The dose was 1.5 mg/dl vs. 2.0 mg/dl in Fig. 2 of the paper.
Opacities (e.g. Consolidation) were common. ¦ Effusions (i.e. Fluid) were not.
Smith et al. Radiology 1999 described it. ¦ They were first.
This was shown by Smith et al. ¦ However, others disagreed.
Dr. J. Smith and Prof. A. B. Jones read the films. ¦ Neither saw a mass.
Patients lacked vitamin D. ¦ Supplements were given.
Viral markers excluded hepatitis B. ¦ Liver biopsy was normal.
See No. 5 and p. 12, vol. 3. ¦ The answer was no. ¦ Nothing helped.
The p-value was .03. ¦ The next was P = .0001.
Is the costophrenic angle blunted? ¦ Yes! ¦ It is.
He asked: "Is it lung cancer?" ¦ "No," she said.
It is common (up to 20%). ¦ It is benign.
The diagnosis was lung cancer. ¦ Smoking causes it.
A tube was placed in the chest. ¦ Air came out.
The risk is low. ¦ Screening is not advised.
She has CF. ¦ It can be mild.
He was seen in the ED. ¦ Films were taken.
The patient had MS. ¦ Lesions were found.
Deaths in the U.S. fell. ¦ In the U.S. ¦ The rate rose.
Clinic opens at 8 a.m. ¦ Patients wait.
Fever, cough, etc. ¦ The film was normal.
Nodules, masses, etc. were counted.
Staphylococcus spp. Grew in culture of E. coli and S. aureus.
1. The nucleus holds the DNA. ¦ 2. The membrane surrounds it.
(a). The first panel. ¦ (b) The second panel.
The disease is rare [12, 14]. ¦ It is severe.
The disease is rare. [12] ¦ It is severe.
About 5 percent have celiac disease.4 ¦ Various disorders follow.
It is found in 90 percent of cases.5,6 ¦ All tests were done.
Smoking raises the risk of cancer.¦Anything that does so is a risk factor.
Register with www.MyMedicare.gov, a secure site. ¦ It is free.
Contact ClinicalTrials.gov for details.
Signs are: - Redness. ¦ - Swelling. ¦ - pain at rest.
The film shows edema... ¦ The heart is large.
Expression rose. ¦ p53 fell. ¦ mRNA was measured. ¦ pH was 7.4.
Samples expressed c-kit. ¦ c-Kit was strongly expressed.
Temperature was 38.5 °C. ¦ Heart rate was 110/min.
The mean was 4.5 ± 1.2 cm. ¦ Range 2–9 cm.
Values are mean (S.D.) of approx. 20 patients, i.c.v. AICAR included.
Seen between Jan. 3 and Feb. 12. ¦ Then lost.
The group comprised St. George patients vs. Others.
“The lung is collapsed.” ¦ A drain was placed.
It resolved (see Fig. 3). ¦ (Funded by the NIH.)
Grade III. ¦ The tumour was resected.
The left and right ventricles i.e. both chambers dilate.
Dose was 5 mg. ¦ Later it was 10 mg b.i.d. for a week.
At 6 mo. the film was clear. ¦ At 12 mo. ¦ It relapsed.
What is shown? ¦ (A) Pneumonia (B) Edema.
"""
CASES = AWKWARD.strip().split("\n")


@pytest.mark.parametrize("marked", CASES)
def test_awkward_clinical_sentences_split_where_a_reader_would_split_them(marked: str) -> None:
    text = re.sub(r" ¦ ", " ", marked).replace("¦", "")
    assert [text[span.start : span.end] for span in sentences(text)] == [
        part.strip() for part in marked.split("¦")
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_white_space_has_no_sentence(text: str) -> None:
    assert sentences(text) == []


def test_a_line_break_ends_a_sentence_without_full_stop() -> None:
    text = normalise("Key points\n\nThe heart\nis large\n\n- pleural effusion")
    assert [text[s.start : s.end] for s in sentences(text)] == [
        "Key points",
        "The heart is large",
        "- pleural effusion",
    ]


ANY_TEXT = st.text(
    alphabet=st.sampled_from("ab AB12.!?…()[]\"”'’-•*\n\t,eg\u00a0µß"), max_size=120
) | st.text(max_size=60)


@settings(deadline=None)  # the machine may be busy
@given(ANY_TEXT)
def test_only_white_space_lies_outside_of_the_sentences_of_any_text(text: str) -> None:
    spans = sentences(text)
    outside, end = "", 0
    for span in spans:
        assert end <= span.start < span.end
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        outside, end = outside + text[end : span.start], span.end
    assert not (outside + text[end:]).strip()
