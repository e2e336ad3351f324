# Generated from nbs/api/66_plots.ipynb: edit the notebook
import re
from pathlib import Path
import numpy as np
import pandas as pd
import tempfile
import matplotlib.pyplot as plt
from fastcore.test import expect_fail
from fairprune.plots import *
from fairprune.plots import _about, _bars, _checked, _chosen, _dodge, _of, _pictures, _placed, _places, _points, _safe, _small_is_good, _span, _styles, _text, _title, _verdicts


def test_example(): # nbs/api/66_plots.ipynb, cell c4a34b7b
    """Group `d` is too small to judge."""
    table = example()
    accuracy = table.query("metric == 'accuracy' and group == 'c' and mitigation == 'none'").set_index('method').change
    assert accuracy['dense'] == 0 and accuracy['magnitude(sparsity=0.9)'] < accuracy['magnitude(sparsity=0.5)'] < 0
    assert len(table.groupby(['method', 'mitigation'])) == 10 and (table.seeds == 3).all()


def test_checked(): # nbs/api/66_plots.ipynb, cell 3d2b41db
    """A picture holds one data set."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    pd.testing.assert_frame_equal(_checked(two), two)
    with expect_fail(ValueError, 'misses the columns level, p_holm'): _checked(table.drop(columns=['level', 'p_holm']))
    with expect_fail(ValueError, 'no rows'): _checked(table[:0])
    with expect_fail(ValueError, 'is there twice'): _checked(pd.concat([table, table]))
    with expect_fail(ValueError, "table.data == 'planted'"): _checked(two, 'data')


def test_title(): # nbs/api/66_plots.ipynb, cell bdd4f780
    """Only metrics that hold for all texts, for the judged groups or for the model are meant here."""
    table = example()
    assert len(_of(table, 'tpr:yes')) == len(_of(table, 'nonzero')) == 10 and (_of(table, 'accuracy').group == 'all').all()
    assert [_title(m) for m in ('worst_group_accuracy', 'tpr:yes')] == ['worst-group accuracy', 'recall of yes']
    with expect_fail(ValueError, 'Unknown metric f1: this table has accuracy, selection_rate:no'): _of(table, 'f1')


def test_placed(): # nbs/api/66_plots.ipynb, cell 1f3a48d9
    """Two methods of one family at one level cannot share a place in a picture."""
    table = example()
    same = table.assign(family=table.family.replace('int8', 'dense'))
    with expect_fail(ValueError, 'give each its own family'): _placed(_of(same, 'accuracy'))


def test_label(): # nbs/api/66_plots.ipynb, cell 61edecb4
    """The colours are those of Okabe and Ito, which colour-blind people can tell apart."""
    table = example()
    looks = _styles(table)
    assert looks['magnitude', 'none']['marker'] != looks['int8', 'none']['marker']
    assert looks['magnitude', 'none']['linestyle'] != looks['magnitude', 'recover(epochs=0.5)']['linestyle']


def test_tidy(): # nbs/api/66_plots.ipynb, cell d55809d9
    """Each title says how many texts and how many training seeds are behind the picture."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    pd.testing.assert_frame_equal(_checked(two), two)
    assert (
        _about(_of(table, 'accuracy')) == 'planted, tiny: n = 900, 3 seeds'
        and _about(_of(table, 'nonzero')) == 'planted, tiny: 3 seeds'
    )
    assert _span(pd.Series([900, 1200])) == '900 to 1,200'
    assert np.allclose(_bars(np.array([.5]), np.array([.4]), np.array([.7])), [[.1], [.2]])


def test_places(): # nbs/api/66_plots.ipynb, cell faba6cc0
    """More than six lines are hard to tell apart: filter the table first."""
    table = example()
    placed, ticks = _places(_of(table, 'accuracy'))
    assert (
        list(ticks.values()) == ['0', '0.3', '0.5', '0.7', '0.9', 'int8'] and placed.x[placed.family == 'int8'].item() > 0.9
    )
    bits = _of(table, 'accuracy').assign(level=lambda t: 8 * t.level)
    assert '0' not in _places(bits)[1].values() # 0 bits are not the dense model


def test_dodge(): # nbs/api/66_plots.ipynb, cell 02cbb40b
    assert np.allclose(_dodge([0, .5, 1], 3), [-.012, 0, .012]) and list(_dodge([0, 1], 1)) == [0]
    assert np.allclose(_dodge([0, .1, 1], 100)[[0, -1]], [-.025, .025])


def test_plot_levels(): # nbs/api/66_plots.ipynb, cell 6c509be2
    """The average hides what the worst group shows: at sparsity 0.9 the second panel falls further."""
    table = example()
    looks = _styles(table)
    fig = plot_levels(table)
    average, worst = fig.axes
    assert (
        average.get_title() == 'accuracy (n = 900)'
        and 'worst-group' in worst.get_title()
        and '3 seeds' in fig.get_suptitle()
    )
    line = next(
        l
        for l in worst.lines
        if l.get_color() == looks['magnitude', 'none']['color'] and l.get_linestyle() == '-' and len(l.get_xdata()) == 5
    )
    expected = table.query(
        "metric == 'worst_group_accuracy' and mitigation == 'none' and family in ('dense', 'magnitude')"
    ).compressed
    assert np.allclose(line.get_ydata(), expected) and np.allclose(line.get_xdata(), [0, .3, .5, .7, .9], atol=.02)
    assert [t.get_text() for t in worst.get_xticklabels()] == ['0', '0.3', '0.5', '0.7', '0.9', 'int8']


def test_plot_levels_2(): # nbs/api/66_plots.ipynb, cell 00d58f76
    """A table without levels, or without the dense model, is drawn as well."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    recall = plot_levels(table, 'tpr:yes')
    assert [ax.get_title() for ax in recall.axes] == [f'recall of yes (n = {int(_of(table, "tpr:yes").n.iloc[0])})']
    alone = plot_levels(table[table.family == 'int8'], ['accuracy', 'equalized_odds_difference']).axes[0]
    assert [t.get_text() for t in alone.get_xticklabels()] == ['int8']
    assert np.allclose(alone.lines[0].get_ydata(), _of(table, 'accuracy').dense.iloc[0])
    for f in (recall, alone.figure): plt.close(f)
    with expect_fail(ValueError, 'Unknown metric recall'): plot_levels(table, 'recall')
    with expect_fail(ValueError, 'Several values of data'): plot_levels(two)


def test_pareto(): # nbs/api/66_plots.ipynb, cell 1ff37901
    """The last two are equal."""
    assert pareto([1, 2, 3, 3], [.7, .6, .9, .9]).tolist() == [True, False, True, True]
    assert pareto([1, 2, 3, 3], [.7, .6, .9, .9], maximise=False).tolist() == [True, True, False, False]
    assert pareto([1, 1, 2], [.5, .6, .6]).tolist() == [False, True, False] # a tie in one of the two
    assert pareto([1, np.nan, 2], [np.nan, .9, .1]).tolist() == [False, False, True] and len(pareto([], [])) == 0
    with expect_fail(ValueError, 'equal length'): pareto([1, 2], [1])


def test_pareto_2(): # nbs/api/66_plots.ipynb, cell 2112a6f8
    """And against the definition, pair by pair, on a coarse grid where ties are many."""
    rng = np.random.default_rng(0)
    for trial in range(50):
        x, y = rng.integers(0, 6, (2, 30))
        beaten = [any(a <= c and b >= d and (a < c or b > d) for a, b in zip(x, y)) for c, d in zip(x, y)]
        assert (pareto(x, y) == ~np.array(beaten)).all()


def test_points(): # nbs/api/66_plots.ipynb, cell d75e4844
    """Costs, differences between groups and false positives are better when they are small."""
    table = example()
    points = _points(table, 'nonzero', 'worst_group_accuracy')
    assert len(points) == 10 and not points[(points.level > .8) & (points.mitigation == 'none')].front.any()
    assert points[(points.level > .8) & (points.mitigation != 'none')].front.item() # as small, and better
    assert (
        _small_is_good(table, 'equalized_odds_difference')
        and _small_is_good(table, 'bytes')
        and not _small_is_good(table, 'tpr:yes')
    )
    apart = table[~((table.metric == 'nonzero') ^ (table.family == 'dense'))] # only dense has the cost, and nothing else
    with expect_fail(ValueError, 'No configuration has both'): _points(apart, 'nonzero', 'accuracy')


def test_plot_pareto(): # nbs/api/66_plots.ipynb, cell 44475627
    """Two mitigations often cost the same, so one label stands below its point and the other above."""
    table = example()
    points = _points(table, 'nonzero', 'worst_group_accuracy')
    ax = plot_pareto(table)
    step = next(l for l in ax.lines if l.get_label() == 'Pareto front')
    assert len(step.get_xdata()) == points.front.sum() and (np.diff(step.get_ydata()) >= 0).all()
    bold = {t.get_text() for t in ax.texts if t.get_fontweight() == 'bold'}
    assert bold == {'' if np.isnan(v) else f'{v:g}' for v in points[points.front].level}
    assert 'n = ' in ax.get_title() and len(ax.get_legend().get_texts()) == 5


def test_plot_pareto_2(): # nbs/api/66_plots.ipynb, cell 12099666
    """Of a difference between groups the small values are good, and the front goes down."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    recall = plot_levels(table, 'tpr:yes')
    alone = plot_levels(table[table.family == 'int8'], ['accuracy', 'equalized_odds_difference']).axes[0]
    for f in (recall, alone.figure): plt.close(f)
    fig, ax = plt.subplots()
    assert plot_pareto(table, 'bytes', 'equalized_odds_difference', ax) is ax
    step = next(l for l in ax.lines if l.get_label() == 'Pareto front')
    assert (np.diff(step.get_ydata()) <= 0).all()
    plt.close(fig)
    with expect_fail(ValueError, 'Unknown metric seconds'): plot_pareto(table, 'seconds')
    with expect_fail(ValueError, 'Several values of data'): plot_pareto(two)


def test_plot_heatmap(): # nbs/api/66_plots.ipynb, cell c8e2decc
    """A worst group and a difference between groups are levels [without an interval](20_groups.ipynb), and have no asterisks."""
    table = example()
    recall = plot_levels(table, 'tpr:yes')
    alone = plot_levels(table[table.family == 'int8'], ['accuracy', 'equalized_odds_difference']).axes[0]
    for f in (recall, alone.figure): plt.close(f)
    fig, ax = plt.subplots()
    plt.close(fig)
    ax = plot_heatmap(table)
    cells = {(round(t.get_position()[1] - .5), round(t.get_position()[0] - .5)): t.get_text() for t in ax.texts}
    rows, levels = ([t.get_text() for t in labels] for labels in (ax.get_yticklabels(), ax.get_xticklabels()))
    change = table.query(
        "metric == 'worst_group_accuracy' and method == 'magnitude(sparsity=0.9)' and mitigation == 'none'"
    ).change.item()
    assert cells[rows.index('magnitude'), levels.index('0.9')] == f'{100 * change:+.1f}' and ax.get_xlabel() == 'level'
    recall = plot_heatmap(table, 'tpr:yes')
    assert any(t.get_text().endswith('*') for t in recall.texts) and recall.get_xlabel() == 'level (* interval excludes 0)'
    plt.close(recall.figure)
    assert not cells.get((rows.index('int8'), 0)) and cells[rows.index('int8'), levels.index('none')]
    low, high = ax.collections[0].get_clim()
    assert low == -high < 0


def test_plot_heatmap_2(): # nbs/api/66_plots.ipynb, cell 494eeebd
    """For a difference between groups the colours are turned round: red stays worse."""
    table = example()
    recall = plot_levels(table, 'tpr:yes')
    alone = plot_levels(table[table.family == 'int8'], ['accuracy', 'equalized_odds_difference']).axes[0]
    for f in (recall, alone.figure): plt.close(f)
    fig, ax = plt.subplots()
    plt.close(fig)
    ax = plot_heatmap(table)
    recall = plot_heatmap(table, 'tpr:yes')
    plt.close(recall.figure)
    odds = plot_heatmap(table, 'equalized_odds_difference')
    assert odds.collections[0].get_cmap().name == 'RdBu_r' and ax.collections[0].get_cmap().name == 'RdBu'
    plt.close(odds.figure)
    with expect_fail(ValueError, 'Unknown metric nonzero'): plot_heatmap(table, 'nonzero')
    with expect_fail(ValueError, 'dense model only'): plot_heatmap(table[table.family == 'dense'])


def test_verdicts(): # nbs/api/66_plots.ipynb, cell 2eda5220
    """Five groups at 95% need each an interval of 99%: 2.576 standard errors, not 1.960."""
    table = example()
    groups, everyone = _chosen(table, 'magnitude(sparsity=0.9)', 'none', 'accuracy')
    verdict = dict(zip(groups.group, _verdicts(groups, 'accuracy', .95)))
    assert verdict['c'] == 'harmed' and verdict['d'] == 'few' and len(everyone) == 1
    recalls = _chosen(table, 'magnitude(sparsity=0.9)', 'none', 'tpr:yes')[0] # without p_holm in the table
    assert dict(zip(recalls.group, _verdicts(recalls, 'tpr:yes', .95)))['c'] == 'harmed' and recalls.p_holm.isna().all()
    none = groups.assign(judged=False, p_holm=np.nan)
    assert set(_verdicts(none, 'accuracy', .95)) == {'few'}


def test_plot_forest(): # nbs/api/66_plots.ipynb, cell 6c5fb301
    """It has another colour and another marker, and group `d` is grey."""
    table = example()
    ax = plot_forest(table, 'magnitude(sparsity=0.9)')
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[-1].startswith('c (n=') and len(labels) == 4 # the largest loss is on top
    marks = {
        l.get_marker(): sorted(labels[int(y)][0] for y in l.get_ydata()) for l in ax.lines if l.get_marker() in tuple('vox')
    }
    assert marks['v'] == ['c'] and marks['x'] == ['d'] and marks['o'] == ['a', 'b']
    assert '3 seeds' in ax.get_title() and 'all 3 groups at once\n(Bonferroni)' in ' '.join(
        t.get_text() for t in ax.get_legend().get_texts()
    )


def test_plot_forest_2(): # nbs/api/66_plots.ipynb, cell 8831ed55
    """A method that is not in the table is refused, and the message names those that are."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    with expect_fail(ValueError, 'The table has: dense, int8(), magnitude(sparsity=0.3), '):
        plot_forest(table, 'magnitude(sparsity=0.4)')
    with expect_fail(ValueError, 'No group has a value'): plot_forest(table[table.group.isin(['all', 'judged'])], 'int8()')
    with expect_fail(ValueError, 'No int8() with mitigation recover'): plot_forest(table, 'int8()', 'recover')
    with expect_fail(ValueError, 'Unknown metric worst_group_accuracy'):
        plot_forest(table, 'int8()', metric='worst_group_accuracy')
    with expect_fail(ValueError, 'Several values of data'): plot_forest(two, 'int8()')


def test_plot_forest_3(): # nbs/api/66_plots.ipynb, cell 73e3d8cd
    """Several methods are several panels."""
    table = example()
    recall = plot_levels(table, 'tpr:yes')
    alone = plot_levels(table[table.family == 'int8'], ['accuracy', 'equalized_odds_difference']).axes[0]
    for f in (recall, alone.figure): plt.close(f)
    fig, ax = plt.subplots()
    plt.close(fig)
    recall = plot_heatmap(table, 'tpr:yes')
    plt.close(recall.figure)
    odds = plot_heatmap(table, 'equalized_odds_difference')
    plt.close(odds.figure)
    fig, axes = plt.subplots(2, 1, figsize=(7, 5.2), sharex=True, layout='constrained')
    for ax, mitigation in zip(axes, ['none', 'recover(epochs=0.5)']):
        plot_forest(table, 'magnitude(sparsity=0.9)', mitigation, 'tpr:yes', ax=ax)
    overall = [next(l.get_xdata()[0] for l in ax.lines if l.get_label() == 'all texts') for ax in axes]
    assert overall[0] < overall[1] < 0


def test_order(): # nbs/api/66_plots.ipynb, cell 39013a22
    """The numbers for the text: a row for each configuration, and for each metric its value and its change, both with their interval where it has one: the worst group and the gaps are levels."""
    assert (
        _text(0.8124, 0.79, 0.8333, 3) == '0.812 [0.790, 0.833]'
        and _text(-0.0214, -0.033, -0.008, 3, '+') == '-0.021 [-0.033, -0.008]'
    )
    assert _text(-.0001, -.001, .02, 2, '+') == '+0.00 [+0.00, +0.02]' and _text(22.7e6, np.nan, np.nan, 3) == '22,700,000'
    assert _text(.5, np.nan, np.nan, 1) == '0.5' and _text(np.nan, 0, 1, 3) == '-'


def test_summary_table(): # nbs/api/66_plots.ipynb, cell 91f36fd4
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    shown = summary_table(table)
    assert (
        len(shown) == 10 and shown.family[0] == 'dense' and shown['change of accuracy'][0] == '-' and 'model' not in shown
    )
    assert (
        re.fullmatch(r'0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]', shown.accuracy[0])
        and shown['change of worst_group_accuracy'].str.fullmatch(r'-0\.\d{3}').any()
    )
    # stored before extremes were levels alone
    old = table.assign(**{c: table[c].fillna(.5) for c in ('low', 'high', 'compressed_low', 'compressed_high')})
    assert (
        summary_table(old).worst_group_accuracy.equals(shown.worst_group_accuracy)
        and not summary_table(old)['change of equalized_odds_difference'].str.contains('[', regex=False).any()
    )
    assert shown[shown.family == 'magnitude'].level.tolist() == ['0.3', '0.5', '0.7', '0.9'] * 2
    assert list(summary_table(two.assign(model=two.data), 'nonzero').data.unique()) == [
        'planted',
        'other',
    ] and 'model' in summary_table(two.assign(model=two.data))
    with expect_fail(ValueError, 'Unknown metric f1'): summary_table(table, ['f1'])
    few = summary_table(table[table.scope != 'judged']) # no group was large enough: accuracy is there all the same
    assert few.accuracy.tolist() == shown.accuracy.tolist() and 'worst_group_accuracy' not in few
    with expect_fail(ValueError, 'Unknown metric worst_group_accuracy'):
        summary_table(table[table.scope != 'judged'], 'worst_group_accuracy')
    odd = table.replace(dict(group=dict(a='all', b='judged', c='model'))) # names of groups
    # also of a table from before there was a scope
    assert summary_table(odd).equals(shown) and summary_table(table.drop(columns='scope')).equals(shown)
    assert sorted(_chosen(odd, 'int8()', 'none', 'accuracy')[0].group) == ['all', 'd', 'judged', 'model']


def test_to_markdown(): # nbs/api/66_plots.ipynb, cell 3892ba7f
    """What has a meaning to either is escaped."""
    table = example()
    lines = to_markdown(table, 'accuracy').splitlines()
    assert lines[0] == '| data | family | level | mitigation | seeds | accuracy | change of accuracy |' and len(lines) == 12
    piped = to_markdown(table.assign(data='a|b')).splitlines()
    assert all(l.startswith('| a\\|b | ') for l in piped[2:])


def test_to_markdown_2(): # nbs/api/66_plots.ipynb, cell 20be7d1c
    """What a data set or a group is called is text in Markdown too, whatever it looks like."""
    table = example()
    marked = '`a` <b>x</b> [l](http://x.y) ![i](x.png) **s** $x$ @cite www.a.b\n&amp;'
    row = to_markdown(table.assign(data=marked)).splitlines()[2].split(' | ')[0]
    assert row == r'| \`a\` \<b\>x\</b\> \[l\](http\://x.y) \!\[i\](x.png) \*\*s\*\* \$x\$ \@cite www\.a.b \&amp;'


def test_to_latex(): # nbs/api/66_plots.ipynb, cell 18fefd52
    table = example()
    odd = to_latex(table.assign(data='50% R&D #1_x', mitigation=table.mitigation.replace('none', 'a >> {b}$')), 'tpr:yes')
    assert r'50\% R\&D \#1\_x' in odd and r'a \textgreater{}\textgreater{} \{b\}\$' in odd and '& $-$0.' in odd
    assert (
        not re.search(r'(?<!\\)[%#_]', odd) and odd.count('toprule') == odd.count('midrule') == odd.count('bottomrule') == 1
    )
    body = odd.split('\\midrule')[1].split('\\bottomrule')[0].strip().splitlines()
    assert len(body) == 10 and all(len(re.findall(r'(?<!\\)&', l)) == 6 and l.endswith(r'\\') for l in body)
    floating = to_latex(table, 'accuracy', caption='What it costs', label='tab:cost')
    assert floating.startswith('\\begin{table}') and r'\label{tab:cost}' in floating and floating.count('\\end{') == 2


def test_safe(): # nbs/api/66_plots.ipynb, cell c33999aa
    """A picture that the table does not allow, such as costs that nobody measured, is left out."""
    used = set()
    assert [_safe(n, used) for n in ('a/../b c', 'A.. b|c', 'magnitude(sparsity=0.5)', '???')] == [
        'a-..-b-c',
        'A..-b-c',
        'magnitude-sparsity=0.5',
        'unnamed',
    ]
    assert _safe('a b', used) == 'a-b' and _safe('A/b', used) == 'A-b-2' and _safe('a:b', used) == 'a-b-3'


def test_pictures(): # nbs/api/66_plots.ipynb, cell c0a02200
    table = example()
    names = [name for name, draw in _pictures(table)]
    assert names[:3] == ['levels', 'pareto', 'heatmap'] and len(names) == 12 and 'forest-int8()' in names
    undefined = table.assign(compressed=table.compressed.where(table.metric != 'nonzero'))
    assert 'pareto' not in [name for name, draw in _pictures(undefined)]
    assert [name for name, draw in _pictures(table[(table.family == 'dense') & (table.group != 'model')])] == ['levels']


def test_save_all(): # nbs/api/66_plots.ipynb, cell f0676ef0
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    pd.testing.assert_frame_equal(_checked(two), two)
    dense = table.family == 'dense'
    few = pd.concat(
        [
            table[dense | ((table.level == 0.9) & (table.mitigation == 'none'))],
            table[dense & (table.group != 'model')].assign(data='my/data'),
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = save_all(few, Path(folder)/'new')
        assert sorted(p.name for p in paths) == sorted(p.name for p in Path(folder, 'new').iterdir()) and all(
            p.stat().st_size for p in paths
        )
        starts = {p.name: p.read_bytes()[:4] for p in paths}
        assert starts['planted-levels.png'] == b'\x89PNG' and starts['my-data-levels.pdf'] == b'%PDF'
        assert 'planted-pareto.pdf' in starts and 'my-data-pareto.pdf' not in starts
        assert 'planted-forest-magnitude-sparsity=0.9.png' in starts and len(paths) == 2 * 2 + 2 * 4 + 2 * 1
        assert (Path(folder)/'new'/'my-data-table.md').read_text().count('my/data') == 1
        Path(folder, 'file').touch()
        with expect_fail(ValueError, 'Cannot write to'): save_all(few, Path(folder)/'file')
    with expect_fail(ValueError, 'no rows'): save_all(table[:0], 'nowhere')


def test_save_all_2(): # nbs/api/66_plots.ipynb, cell 2d447a65
    """Several models of one data set do not overwrite each other."""
    table = example()
    two = pd.concat([table, table.assign(data='other')])
    pd.testing.assert_frame_equal(_checked(two), two)
    models = pd.concat(
        [table[(table.family == 'dense') & (table.group != 'model')].assign(model=m) for m in ('small', 'large')]
    )
    with tempfile.TemporaryDirectory() as folder:
        names = {p.name for p in save_all(models, folder)}
    assert {
        'planted-small-table.md',
        'planted-large-table.tex',
        'planted-small-levels.pdf',
        'planted-large-levels.png',
    } <= names
